"""What an owner may choose, one table per page: each choice in the owner's words, with what happens as an example.

A page draws its form from the table and reads it back with the same table; so a key without words is no blank field, it
is a test that fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request


@dataclass(frozen=True, slots=True)
class Option:
    """One answer: its value in the rule, what it is called, and what happens then."""

    value: str
    text: str
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several answers."""

    label: str
    options: tuple[Option, ...]
    example: str = ""

    def read(self, name: str, typed: Mapping[str, str]) -> str | None:
        """The value, None for an empty one; what is no option is for the rule to refuse."""
        return typed[name] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """How many, in `unit`; empty stands for `none`."""

    label: str
    unit: str
    least: int
    most: int
    none: int | None = None
    example: str = ""

    def read(self, name: str, typed: Mapping[str, str]) -> int | None:
        """The number. Raises ValueError."""
        text = typed[name].strip()
        if not text:
            return self.none
        number = int(text) if text.isascii() and text.isdecimal() else -1
        if not self.least <= number <= self.most:
            raise ValueError(f"{name}: {text!r} is not from {self.least} to {self.most}")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Yes or no."""

    label: str
    example: str = ""

    def read(self, name: str, typed: Mapping[str, str]) -> bool:
        """Whether it is ticked."""
        return name in typed


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursFor:
    """So many hours for each of some things; empty: none for that one. Fields are named `key:thing`."""

    label: str
    options: tuple[Option, ...]
    most: int
    example: str = ""

    def read(self, name: str, typed: Mapping[str, str]) -> dict[str, int]:
        """Hours by thing. Raises ValueError."""
        each = Number(label="", unit="", least=1, most=self.most)
        asked = {one.value: f"{name}:{one.value}" for one in self.options}
        found = {thing: each.read(field, typed) for thing, field in asked.items() if field in typed}
        return {thing: hours for thing, hours in found.items() if hours is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedHours:
    """At which of the site's schedules which group enters alone. Fields are named `key:0:schedule`, `key:0:group`, …"""

    label: str
    schedules: tuple[str, ...] = ()
    example: str = ""

    def read(self, name: str, typed: Mapping[str, str]) -> list[dict[str, str]]:
        """The rows that name both. Raises ValueError for a schedule that is not the site's."""
        rows = [
            {"schedule": typed[field], "group": typed.get(field.removesuffix("schedule") + "group", "").strip()}
            for field in typed
            if field.startswith(f"{name}:") and field.endswith(":schedule")
        ]
        told = [row for row in rows if row["schedule"] and row["group"]]
        for row in told:
            if row["schedule"] not in self.schedules:
                raise ValueError(f"{name}: {row['schedule']!r} is no schedule of this site")
        return told


Setting = Choice | Number | Tick | HoursFor | ReservedHours


def kind_of(setting: Setting) -> str:
    """For templates: choice, number, tick, hoursfor or reservedhours."""
    return type(setting).__name__.lower()


def read_settings(settings: Mapping[str, Setting], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was chosen, by the key of the rule. Of what the form did not send only a tick says something: no.

    Raises ValueError.
    """
    shown = {field.split(":")[0] for field in typed}
    sent = {name: one for name, one in settings.items() if name in shown or isinstance(one, Tick)}
    return {name: setting.read(name, typed) for name, setting in sent.items()}


async def typed_fields(request: Request) -> dict[str, str]:
    """A dependency: every text field of the form, the first of each name."""
    form = await request.form(max_files=0, max_fields=100)
    return {name: value for name, value in reversed(form.multi_items()) if isinstance(value, str)}


async def typed_lists(request: Request) -> dict[str, list[str]]:
    """A dependency: every text field of the form, all of each name in their order."""
    form = await request.form(max_files=0, max_fields=2_000)
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found
