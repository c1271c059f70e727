"""A story of one rule, as an owner writes and reads it: who has what, what the desk does, and what doors answer when.

    says = "Off-peak is Monday to Friday, 9:00 to 16:00, but not on public holidays."
    rule = "schedule"                     # of docs/rules.md
    begins = "2026-06-22 08:00"           # by the clock on the site's wall

    [holidays]
    quebec = ["06-24"]
    [hours.off-peak]
    mon-fri = "9:00-16:00"                # days, a date or a calendar; "" is closed
    quebec = ""
    [plans.off-peak]
    hours = "off-peak"                    # and zones = ["gym"] unless it says otherwise
    [people]
    nadia = "off-peak"                    # or a table: PersonSpec below
    [doors.vault]                         # beside one door for each zone, of the same name
    zone = "gym"
    two_people = true
    [zones.gym]                           # the rule of a zone
    passback = "hard"

    [[at]]
    when = "2026-06-23 10:00"
    do = "freeze nadia until 2026-06-30"  # what the desk does or what happens; the words are in rule_desk.py
    badges = ["nadia at gym: let in", "nadia leaves gym: let in"]

A badge says who, where and the answer: `let in` with the flags of the grant, or the reason. Whoever is let in passes,
unless it says `and turns round`; `with pin` says that the card's PIN followed. `stranger` is always unknown.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from portillon_rules.reason import DenyReason, GrantFlag
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

FOLDER = Path(__file__).parent / "rules"
TIME_ZONE = "America/Toronto"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LET_IN = "let in"
_BADGE = re.compile(
    r"(?P<who>[a-z]+(?:'s old card)?) (?P<way>at|leaves) (?P<door>[a-z-]+)"
    r"(?P<pin> with pin)?(?P<turns> and turns round)?: (?P<answer>.+)"
)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _table(value: object) -> object:
    return {"plan": value or None} if isinstance(value, str) else value


Lines = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonSpec(Strict):
    """Somebody with a card. `since`: first day of a contract of a year; `owes`: the day of a bill that nobody pays."""

    plan: str | None = None
    since: date | None = None
    owes: date | None = None
    guardian: str | None = None
    host: str | None = None
    groups: tuple[str, ...] = ()
    escort: bool = False
    escorted: bool = False
    supervisor: bool = False
    lockdown_exempt: bool = False


class PlanSpec(Strict):
    zones: tuple[str, ...] = ("gym",)
    hours: str = "always"


class DoorSpec(Strict):
    zone: str = "gym"
    two_people: bool = False
    supervised: bool = False
    minors_alone: bool = False
    pin_hours: str | None = None


class MomentSpec(Strict):
    when: datetime
    do: Lines = ()
    badges: Lines = ()


class RuleStory(Strict):
    says: str = Field(pattern=r"\.$")
    rule: str
    begins: datetime
    holidays: dict[str, tuple[str, ...]] = {}
    hours: dict[str, dict[str, str]] = {}
    plans: dict[str, PlanSpec] = {}
    people: dict[str, Annotated[PersonSpec, BeforeValidator(_table)]] = {}
    doors: dict[str, DoorSpec] = {}
    zones: dict[str, dict[str, Any]] = {}
    policy: dict[str, Any] = {}
    at: tuple[MomentSpec, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Badge:
    """One line of `badges`. `answer`: a reason, or None with the flags of a grant."""

    who: str
    door: str
    leaves: bool
    pin: bool
    turns_round: bool
    reason: DenyReason | None
    flags: frozenset[GrantFlag]


def read_badge(line: str) -> Badge:
    """Raises ValueError for a line that says nothing."""
    found = _BADGE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is no badge: write 'nadia at gym: let in', or with a reason")
    answer = found["answer"]
    granted = answer.startswith(LET_IN)
    return Badge(
        who=found["who"],
        door=found["door"],
        leaves=found["way"] == "leaves",
        pin=found["pin"] is not None,
        turns_round=found["turns"] is not None,
        reason=None if granted else DenyReason(answer),
        flags=frozenset(GrantFlag(word) for word in answer.removeprefix(LET_IN).split()) if granted else frozenset(),
    )


def story_files() -> list[Path]:
    """Every story of a rule."""
    return sorted(FOLDER.glob("*.toml"))


def load_rule_story(file: Path) -> RuleStory:
    """Raises ValueError with what is wrong."""
    return RuleStory.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


def reasons_told(story: RuleStory) -> Iterator[DenyReason]:
    """Every reason that a badge of the story is refused for."""
    for moment in story.at:
        for line in moment.badges:
            if (reason := read_badge(line).reason) is not None:
                yield reason
