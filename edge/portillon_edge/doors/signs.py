"""What the indicators of all doors are told: what came of a badge, to whoever badged, and how each door stands."""

from collections.abc import Collection

from portillon_rules.reason import DenyReason, GrantFlag

from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.doors.machine import Grant
from portillon_edge.doors.showing import Outcome, Shown, answer_to
from portillon_edge.doors.surroundings import Indicators
from portillon_edge.words import LANE_FLAGS


class Signs:
    """Of one gateway. Used by the attendant's thread only."""

    def __init__(self, indicators: Indicators) -> None:
        self._indicators = indicators
        self._standing: dict[str, Outcome] = {}

    def answer(
        self, event: NewEvent, *, language: str | None = None, for_ms: int | None = None, queued: bool = False
    ) -> None:
        """Show what happened, if that answers anybody: in their language, for that long if not for the usual time.

        `queued`: of a grant, its turn is still to come.
        """
        reason = DenyReason(event.reason) if event.kind is EventKind.DENIED and event.reason else None
        outcome = Outcome.QUEUED if queued else answer_to(event.kind, reason)
        if outcome is None or event.door is None:
            return
        flag = _flag(event.flags) if outcome is Outcome.GRANTED else None
        shown = Shown(outcome=outcome, reader=event.reader, reason=reason, flag=flag, language=language, for_ms=for_ms)
        self._indicators.show(event.door, shown)

    def turn(self, door: str, grant: Grant) -> None:
        """Whoever waited with this grant may pass now."""
        granted = Outcome.GRANTED
        shown = Shown(outcome=granted, reader=grant.reader, flag=_flag(grant.flags), language=grant.language)
        self._indicators.show(door, shown)

    def ask_pin(self, door: str, reader: str, language: str | None) -> None:
        """The pad of that reader waits for a PIN."""
        self._indicators.show(door, Shown(outcome=Outcome.ENTER_PIN, reader=reader, language=language))

    def stand(self, door: str, outcome: Outcome) -> None:
        """From now on the door stands so; told when it changes."""
        if self._standing.get(door) is not outcome:
            self._standing[door] = outcome
            self._indicators.show(door, Shown(outcome=outcome))


def _flag(flags: Collection[str]) -> GrantFlag | None:
    """What a grant has to say beside that it is one."""
    return next((flag for flag in LANE_FLAGS if flag in flags), None)
