"""What can be typed at a practice site: a line in, something to show out."""

import shlex
import time
from collections.abc import Callable, Mapping
from math import inf

from portillon_drivers.errors import DriverError
from portillon_rules.card_number import parse_presented
from portillon_rules.credential import CredentialError
from rich.console import RenderableType
from rich.table import Table

from portillon_edge.local_orders import OrderRefused, door_named, give_order
from portillon_edge.technician.practice_site import PracticeSite

PUSH_SECONDS = 0.2
"""How long a turnstile's passage contact stays closed while somebody walks through."""

HELP = """\
present READER [member|stranger|CREDENTIAL]   hold a card to a reader: present lane1-reader h10301:67-1000
pass READER                                   show a fresh pass on the member's phone to a scanner
copy READER                                   show a photograph of the last pass again
code READER                                   show the member's printed day code to a scanner; it opens once
scan READER TEXT                              hold any printed code to a scanner
press READER KEYS                             press keys of its PIN pad: press lane1-reader 4917#
push DOOR                                     walk through: its passage or door contact closes and opens again
contact INPUT closed|open                     hold a contact in one state
spoil INPUT cut|short                         cut or short the wire of a supervised input; rest mends it
trip INPUT, rest INPUT                        make an input active (press a button, trip the fire loop), let it go again
order open|free|block|lockdown DOOR           what staff can order; DOOR can be all
order release DOOR, order reset-fire          back to the plan; the fire is over
cut READER, mend READER                       cut the reader's wire, join it again
noise READER                                  put something on its wire that is no card
look                                          what is seen and heard at each lamp, buzzer and display now
state                                         how every device and door is
live                                          the doors as they stand, live, until you press Enter
help, quit"""


class WrongCommand(Exception):
    """The line asks for nothing that can be done here; the message says what to type."""


class PracticeCommands:
    """Carries out lines typed at the terminal."""

    def __init__(
        self, site: PracticeSite, *, state: Callable[[], RenderableType], live: Callable[[], None] = lambda: None
    ) -> None:
        self._site = site
        self._state = state
        self._live = live
        self._commands: Mapping[str, Callable[[list[str]], RenderableType | None]] = {
            "present": self._present,
            "pass": self._pass,
            "copy": self._copy,
            "code": lambda words: self._scan(self._reader(words), self._site.day_code),
            "scan": lambda words: self._scan(self._reader(words), " ".join(words[1:])),
            "press": self._press,
            "push": self._push,
            "contact": self._contact,
            "trip": lambda words: self._set_input(words, True),
            "rest": lambda words: self._set_input(words, False),
            "spoil": self._spoil,
            "order": self._order,
            "live": lambda words: self._live(),
            "look": lambda words: self._look(),
            "cut": lambda words: self._do(lambda: self._site.readers[self._reader(words)].unplug()),
            "mend": lambda words: self._do(lambda: self._site.readers[self._reader(words)].plug()),
            "noise": lambda words: self._do(lambda: self._site.readers[self._reader(words)].noise()),
            "state": lambda words: self._state(),
            "help": lambda words: HELP,
        }

    def carry_out(self, line: str) -> RenderableType | None:
        """Do what the line says; returns what to answer, if anything. Raises WrongCommand."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise WrongCommand(f"{error}; type help") from None
        if not words:
            return None
        if words[0] not in self._commands:
            raise WrongCommand(f"there is no command {words[0]!r}; type help")
        return self._commands[words[0]](words[1:])

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except DriverError as error:
            raise WrongCommand(str(error)) from error

    def _reader(self, words: list[str]) -> str:
        name = words[0] if words else ""
        if name not in self._site.readers:
            raise WrongCommand(f"there is no reader {name!r}; there are: {', '.join(self._site.readers)}")
        return name

    def _present(self, words: list[str]) -> None:
        reader = self._site.readers[self._reader(words)]
        asked = words[1] if len(words) > 1 else "member"
        if asked in ("member", "stranger"):
            what = reader.samples[asked == "stranger"]
        else:
            try:
                what = parse_presented(asked)
            except CredentialError as error:
                raise WrongCommand(str(error)) from None
        self._do(lambda: reader.present(what))

    def _press(self, words: list[str]) -> None:
        reader = self._site.readers[self._reader(words)]
        self._do(lambda: reader.press("".join(words[1:])))

    def _pass(self, words: list[str]) -> None:
        self._scan(self._reader(words), self._site.phone.show())

    def _copy(self, words: list[str]) -> None:
        if self._site.phone.shown is None:
            raise WrongCommand("no pass was shown yet: type pass first")
        self._scan(self._reader(words), self._site.phone.shown)

    def _scan(self, reader: str, text: str) -> None:
        self._do(lambda: self._site.readers[reader].scan(text))

    def _push(self, words: list[str]) -> None:
        doors = {door.name: door for door in self._site.config.doors}
        name = words[0] if words else ""
        if name not in doors:
            raise WrongCommand(f"there is no door {name!r}; there are: {', '.join(doors)}")
        contact = next((value for key, value in doors[name].inputs.items() if key != "rex_input"), None)
        if contact is None:
            raise WrongCommand(f"door {name!r} has no contact that would tell that somebody walks through")
        options = next(options for options in self._site.config.inputs if options.name == contact)
        self._site.boards.set_active(options, True)
        time.sleep(PUSH_SECONDS)
        self._site.boards.set_active(options, False)

    def _contact(self, words: list[str]) -> None:
        names = [options.name for options in self._site.config.inputs]
        match words:
            case [name, ("closed" | "open") as state] if name in names:
                self._site.boards.set_closed(name, state == "closed")
            case _:
                raise WrongCommand(f"write contact INPUT closed or open; the inputs are: {', '.join(names)}")

    def _set_input(self, words: list[str], active: bool) -> None:
        sections = {options.name: options for options in self._site.config.inputs}
        name = words[0] if words else ""
        if name not in sections:
            raise WrongCommand(f"there is no input {name!r}; there are: {', '.join(sections)}")
        self._site.boards.set_active(sections[name], active)

    def _order(self, words: list[str]) -> str:
        match words:
            case ["reset-fire"]:
                asked = {"do": "reset_fire"}
            case [do, door]:
                asked = {"do": do, "door": door_named(door)}
            case _:
                raise WrongCommand("write order open DOOR, or see help")
        try:
            return f"ordered as {give_order(self._site.config.gateway.data_dir, asked)}"
        except OrderRefused as error:
            raise WrongCommand(str(error)) from error

    def _look(self) -> Table:
        if not self._site.config.indicators:
            raise WrongCommand("there is nothing to look at: the configuration has no section [[indicators]]")
        table = Table("indicator", "door", "light", "sound", "text", box=None, pad_edge=False)
        for options in self._site.config.indicators:
            seen = self._site.indicators.seen(options.name)
            sound = {True: "beeps", False: "silent", None: "-"}[seen.sounding]
            text = "-" if seen.lines is None else " / ".join(line for line in seen.lines if line)
            table.add_row(options.name, options.door, seen.light or "-", sound, text)
        return table

    def _spoil(self, words: list[str]) -> None:
        match words:
            case [name, ("cut" | "short") as how]:
                try:
                    self._site.boards.spoil(name, inf if how == "cut" else 0.0)
                except KeyError:
                    raise WrongCommand(
                        f"input {name!r} is not supervised, so nobody could tell: take contact {name} open"
                    ) from None
            case _:
                raise WrongCommand("write spoil INPUT cut or short")
