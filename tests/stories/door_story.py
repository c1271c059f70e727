"""A story of one door, as a technician writes and reads it: what happens at which second, and what must be recorded.

    says = "A door locks again as soon as somebody has opened it."
    sentence = "Door: relocked on open"       # the promise it stands for (door_promises.py)
    site = "strike-door"                      # sites/strike-door.toml, in the gateway's own language
    people = ["anne"]                         # who may pass; `stranger` is always unknown

    [[at]]
    second = 1.0
    do = "badge anne front-reader"            # or a list; the words are in VERBS below
    recorded = ["granted front anne"]         # exactly what the journal got since the moment before
    released = ["front-strike"]               # how the outputs stand then; `locked` likewise
    doors = { front = "free" }                # what the status page says of the doors

A recorded line is the event's kind, then in any order its door, the person, the reason and whoever ordered it; further
words (`entry`, `exit`, a reader, a flag) may be said, and what stands after a colon is part of the event's detail.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from portillon_rules.schedule import Window
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from stories.door_promises import PROMISES

FOLDER = Path(__file__).parent
SECONDS_MAX = 12.0
"""The same stories are played in real time on simulated devices; an input counts as stuck after ten seconds."""

VERBS: Mapping[str, tuple[str, ...]] = {
    "badge": ("person", "reader"),
    "on": ("input",),
    "off": ("input",),
    "touch": ("input",),
    "bounce": ("input",),
    "flap": ("input",),
    "cut": ("input",),
    "short": ("input",),
    "mend": ("input",),
    "unplug": ("device",),
    "plug": ("device",),
    "open": ("door", "by"),
    "order": ("standing", "door", "by"),
    "withdraw": ("door",),
    "toggle": ("standing", "door", "by"),
    "untoggle": ("door", "by"),
    "reset": ("by",),
    "turn": ("time",),
    "correct": ("seconds",),
    "kill": ("process",),
    "start": ("process",),
    "restart": ("process",),
}
"""What may be done, and what each word after the verb names.

- on, off: the input becomes active, or comes to rest; touch: both, as somebody passing or pressing does;
  bounce: on, through a contact's chatter; flap: a loose wire; cut, short, mend: the wires of a supervised input.
- unplug, plug: a device's line and power; kill: SIGKILL to a process, start: as systemd would; restart: in good order,
  with the configuration as it is then: one that is refused leaves the process down.
- turn: the clock of the test organisation, to a local time of the site; correct: the cloud's own clock, by so many
  seconds.
- open, reset: a command from the desk; order, withdraw: an order from the desk; toggle, untoggle: the same by a
  technician at the gateway.
"""

TOUCH_MS = 200
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Lines = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing done: the verb, and what its words name."""

    verb: str
    names: Mapping[str, str]

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read one `do` line; raises ValueError."""
        verb, *words = line.split()
        if verb not in VERBS:
            raise ValueError(f"{line!r}: there is no verb {verb!r}; there are: {', '.join(VERBS)}")
        if len(words) != len(VERBS[verb]):
            raise ValueError(f"{line!r}: write {verb} {' '.join(VERBS[verb]).upper()}")
        return cls(verb, dict(zip(VERBS[verb], words, strict=True)))


class Moment(_Strict):
    """What is done at a second of the story, and what must then be so."""

    second: float = Field(ge=0.0, le=SECONDS_MAX)
    edits: Mapping[str, Mapping[str, Any]] = Field(
        default={}, description="keys of the site's sections, by name, written into its file before anything is done"
    )
    do: Lines = ()
    recorded: Lines = ()
    released: Lines = ()
    locked: Lines = ()
    doors: Mapping[str, str] = {}
    remark: str = Field(default="", description="for whoever reads")

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """What is done."""
        return tuple(Act.parse(line) for line in self.do)


class Plan(_Strict):
    """An unlock plan of a door, as the desk would make it."""

    unlock: str
    first_person: bool = False


class Story(_Strict):
    """One file."""

    says: str = Field(min_length=20, description="the story in one sentence")
    sentence: str
    site: str
    people: Mapping[str, Mapping[str, Any]] = {}
    changes: Mapping[str, Mapping[str, Any]] = Field(default={}, description="keys of the site's sections, by name")
    policy: Mapping[str, Any] = {}
    schedules: Mapping[str, Lines] = {}
    plans: Mapping[str, Plan] = {}
    zones: Mapping[str, Mapping[str, Any]] = Field(default={}, description="the rules of zones, by zone")
    asked: Mapping[str, Mapping[str, Any]] = Field(default={}, description="by door, the keys of its DoorRule")
    visits: Mapping[str, int] = Field(default={}, description="how many visits are left in whose pack")
    starts: datetime = Field(default=datetime(2026, 11, 23, 12, 0, 0), description="the site's local time at second 0")  # noqa: DTZ001
    at: tuple[Moment, ...] = Field(min_length=2)

    @model_validator(mode="before")
    @classmethod
    def _people_by_name(cls, data: dict[str, Any]) -> dict[str, Any]:
        people = data.get("people", {})
        return {**data, "people": {name: {} for name in people} if isinstance(people, list) else people}

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.sentence not in PROMISES:
            raise ValueError(f"{self.sentence!r}: there is no such promise in door_promises.py")
        seconds = [moment.second for moment in self.at]
        if seconds != sorted(set(seconds)):
            raise ValueError("the moments must follow each other: each second once, ascending")
        for moment in self.at:
            for act in moment.acts:
                self._check(act)
            for name in (*moment.released, *moment.locked):
                self._known(name, "outputs")
            for name in moment.doors:
                self._known(name, "doors")
        for name in (*self.changes, *(name for moment in self.at for name in moment.edits)):
            self._known(name, *(key for key, value in self.devices.items() if isinstance(value, list)))
        return self

    @cached_property
    def devices(self) -> Mapping[str, Any]:
        """The site's sections, with this story's changes."""
        document = tomllib.loads((FOLDER / "sites" / f"{self.site}.toml").read_text(encoding="utf-8"))
        return {
            key: [{**table, **self.changes.get(table["name"], {})} for table in tables]
            if isinstance(tables, list)
            else tables
            for key, tables in document.items()
        }

    @property
    def lasts(self) -> float:
        """Until which second it is played."""
        return self.at[-1].second

    def windows(self) -> Iterator[tuple[str, tuple[Window, ...]]]:
        """Each schedule with its windows: `mon-fri 06:00-22:00`."""
        for name, lines in self.schedules.items():
            yield name, tuple(window for line in lines for window in _windows(line))

    def _check(self, act: Act) -> None:
        for what, name in act.names.items():
            match what:
                case "person":
                    if name != "stranger" and name not in self.people:
                        raise ValueError(f"nobody is called {name!r}; name everybody in `people`")
                case "reader" | "input":
                    self._known(name, f"{what}s")
                case "door":
                    if name != "*":
                        self._known(name, "doors")
                case "device":
                    self._known(name, "readers", "inputs", "outputs")
                case "process":
                    if name not in ("gateway", "guard", "both"):
                        raise ValueError(f"{name!r}: write gateway, guard or both")
                case "time":
                    datetime.fromisoformat(name)
                case "seconds":
                    float(name)

    def _known(self, name: str, *sections: str) -> None:
        known = [table["name"] for section in sections for table in self.devices.get(section, [])]
        if name not in known:
            raise ValueError(f"{name!r} is none of the site's {', '.join(sections)}: {', '.join(known)}")


def _windows(line: str) -> Iterator[Window]:
    days, hours = line.split()
    first, _, last = days.partition("-")
    begin, end = (int(hour) * 60 + int(minute) for hour, minute in (time.split(":") for time in hours.split("-")))
    for weekday in range(DAYS.index(first), DAYS.index(last or first) + 1):
        yield Window(weekday, begin, end)


def load_story(path: Path) -> Story:
    """Read and check one story; raises ValueError (pydantic's, with every mistake) or OSError."""
    return Story.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def story_files() -> list[Path]:
    """Every story there is, by name."""
    return sorted(FOLDER.glob("*.toml"))
