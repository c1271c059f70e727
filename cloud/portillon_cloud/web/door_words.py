"""How doors stand, what staff may order and what became of a command, in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_wire.commands import Action

from portillon_cloud.doors.rules import AskedAtDoor
from portillon_cloud.gateways.commands import GivenCommand
from portillon_cloud.locale.words import Words
from portillon_cloud.web.wording import N_

ORDERS: Mapping[Standing, tuple[str, str]] = {
    Standing.FREE: ("warn", N_("Free by order")),
    Standing.BLOCKED: ("warn", N_("Blocked by order")),
    Standing.LOCKDOWN: ("bad", N_("Lockdown")),
}

REPORTED: Mapping[str, tuple[str, str]] = {
    "plan": ("ok", N_("On its plan")),
    "free": ("warn", N_("Free")),
    "blocked": ("warn", N_("Blocked")),
    "lockdown": ("bad", N_("Lockdown")),
    "fire": ("bad", N_("Free because of fire")),
}

ACTIONS: Mapping[str, str] = {
    Action.OPEN_DOOR: N_("Open once"),
    Action.RESET_FIRE: N_("Reset the fire alarm"),
}

REFUSALS: Mapping[str, str] = {
    "expired": N_("it came too late"),
    "from_the_future": N_("the clocks of cloud and gateway differ"),
    "time_uncertain": N_("the gateway does not know what time it is"),
    "no_such_door": N_("the gateway has no such door"),
    "busy": N_("the gateway is busy"),
    "no_doors": N_("the gateway is not ready"),
}


@dataclass(frozen=True, slots=True)
class DoorWords:
    """The tables above for one reader."""

    words: Words

    def order(self, standing: Standing | None) -> str:
        """What was ordered."""
        return self.words.say(N_("Back to the plan") if standing is None else ORDERS[standing][1])

    def order_kind(self, standing: Standing) -> str:
        """Kind of mark of an order."""
        return ORDERS[standing][0]

    def door(self, door: str) -> str:
        """A door's name, or all of them."""
        return self.words.say(N_("All doors")) if door == EVERY_DOOR else door

    def standing(self, standing: str) -> str:
        """How a door stands; a newer gateway's own word is shown as it is."""
        return self.words.say(REPORTED[standing][1]) if standing in REPORTED else standing

    def standing_kind(self, standing: str) -> str:
        """Kind of mark of a standing."""
        return REPORTED[standing][0] if standing in REPORTED else "idle"

    def asked(self, asked: AskedAtDoor) -> list[str]:
        """What a door asks of whoever comes, a line each."""
        say = self.words.say
        lines = []
        if asked.pin_schedule is not None:
            lines.append(say(N_("Card and PIN during %(schedule)s"), schedule=asked.pin_schedule))
        if asked.two_people:
            lines.append(say(N_("Opens for two people who badge within %(seconds)s s"), seconds=asked.within_s))
        if asked.supervised:
            lines.append(say(N_("Only while a supervisor is inside")))
        if asked.minors_alone:
            lines.append(say(N_("Minors may come without a guardian")))
        lines += [
            say(N_("During %(schedule)s only the group %(group)s enters."), schedule=one.schedule, group=one.group)
            for one in asked.reserved
        ]
        return lines

    def leaf(self, is_open: bool | None) -> str:
        """Whether it is open."""
        if is_open is None:
            return self.words.say(N_("no contact"))
        return self.words.say(N_("open") if is_open else N_("closed"))

    def action(self, action: str) -> str:
        """What was to be done."""
        return self.words.say(ACTIONS[action])

    def outcome(self, command: GivenCommand, now_ms: int) -> str:
        """What became of a command."""
        if command.outcome == "taken":
            return self.words.say(N_("taken by the gateway"))
        if command.outcome == "refused":
            reason = command.reason or ""
            why = self.words.say(REFUSALS[reason]) if reason in REFUSALS else reason
            return self.words.say(N_("refused: %(why)s"), why=why)
        waiting = now_ms < command.expires_at_ms
        return self.words.say(N_("on its way") if waiting else N_("no answer: look whether it was done"))

    def outcome_kind(self, command: GivenCommand, now_ms: int) -> str:
        """Kind of mark of an outcome."""
        if command.outcome is None:
            return "idle" if now_ms < command.expires_at_ms else "warn"
        return "ok" if command.outcome == "taken" else "bad"
