"""Carries out what the presence flow asks for: the report up, the news to the doors, the one fact to the disk."""

from collections.abc import Callable, Sequence

from portillon_wire.messages import encode
from portillon_wire.presence import Unseen
from portillon_wire.topics import Up

from portillon_edge.presence.news import PresenceHeard
from portillon_edge.presence.others_file import OthersFile
from portillon_edge.store.journal_writer import JournalWriter
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.effects import Record
from portillon_edge.sync.presence_flow import (
    AllTold,
    DoorsBusy,
    KeepOthers,
    PresenceEffect,
    PresenceFlow,
    PresenceInput,
    SendPresence,
    TellDoors,
)

TakePresence = Callable[[PresenceHeard], bool]
"""Gives news to the door loop without waiting for it; False: it has no room just now."""


class PresenceRunner:
    """One thread's shell around the flow."""

    def __init__(
        self,
        flow: PresenceFlow,
        *,
        others: OthersFile,
        take: TakePresence,
        unseen: Callable[[], Sequence[Unseen]],
        publish: Callable[[Up, bytes], None],
        record: Callable[[Record], None],
        clock_ns: Callable[[], int],
    ) -> None:
        """`unseen`: who came and went here without a card."""
        self._flow = flow
        self._others = others
        self._take = take
        self._unseen = unseen
        self._publish = publish
        self._record = record
        self._clock_ns = clock_ns

    @property
    def deadline_ns(self) -> int | None:
        """When `tick` is due."""
        return self._flow.deadline_ns

    def take(self, event: PresenceInput) -> None:
        """Take one input; whatever it is, it harms nothing."""
        carry_out(self._ask(event), perform=self._perform, handle=self._ask)

    def tick(self) -> None:
        """A deadline may have come."""
        carry_out(self._flow.tick(self._clock_ns()), perform=self._perform, handle=self._ask)

    def look_at(self, journal: JournalWriter) -> None:
        """See whether the cloud has everything. What is on its way to the disk is looked for first: what gets there
        meanwhile is not claimed."""
        if journal.settled and all(source.acknowledged == source.last for source in journal.sources()):
            self.take(AllTold())

    def _ask(self, event: PresenceInput) -> list[PresenceEffect]:
        return self._flow.handle(event, self._clock_ns())

    def _perform(self, effect: PresenceEffect) -> list[PresenceInput]:
        match effect:
            case SendPresence(report):
                self._publish(Up.PRESENCE, encode(report.model_copy(update={"unseen": tuple(self._unseen())})))
            case TellDoors(heard):
                return [] if self._take(heard) else [DoorsBusy()]
            case KeepOthers(others):
                self._others.save(others)
            case Record():
                self._record(effect)
        return []
