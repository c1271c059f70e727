"""Journals going up: rows leave in batches, and count as delivered only by the cloud's own acknowledgement. Pure.

A publish that the broker confirmed proves nothing: a broker can die with all it held. So a batch stays in flight until
the cloud acknowledges its last row, and what stays too long is sent again from the first unacknowledged row on. A cloud
that was restored from a backup may acknowledge less than before; if it stays at that, it is believed. A journal to
which nothing is added any more would never hear of that: so its last row goes again at each connection and each hour.
"""

import random
from dataclasses import dataclass, field

from portillon_wire.errors import WireError
from portillon_wire.messages import EventKind, JournalAck, decode
from portillon_wire.topics import Down

from portillon_edge.sync.effects import Acknowledge, ContestJournal, SendEvents, UplinkEffect
from portillon_edge.sync.inputs import Connected, Disconnected, JournalSeen, Received, Tick, UplinkInput
from portillon_edge.sync.refusals import Alarm, Refusal, RefusalMeter, refusal_of

BATCH_ROWS = 200
IN_FLIGHT_BATCHES = 4
RESEND_NS = 2_000_000_000
RESEND_NS_MAX = 60_000_000_000
ASK_AGAIN_NS = 3_600_000_000_000
"""How long after everything was acknowledged the cloud is asked whether it still has it."""

Effects = list[UplinkEffect]


@dataclass(slots=True)
class _Journal:
    """How far one journal is acknowledged (in the journal's epoch), sent and written."""

    epoch: int
    acknowledged: int
    sent: int
    last: int
    batch_ends: list[int] = field(default_factory=list)
    resend_at_ns: int | None = None
    delay_ns: int = RESEND_NS
    told_less: int | None = None
    """The cloud's last word, if it was lower than what it had acknowledged; believed if nothing better follows."""


class Uplink:
    """Sends every journal's rows, each journal in order, a few batches at a time."""

    def __init__(self, *, jitter: random.Random) -> None:
        self._jitter = jitter
        self._journals: dict[str, _Journal] = {}
        self._gone: set[str] = set()
        self._connected = False
        self._meter = RefusalMeter()

    @property
    def deadline_ns(self) -> int | None:
        """When a Tick is due; None: only when something happens."""
        if not self._connected:
            return None
        return min((j.resend_at_ns for j in self._journals.values() if j.resend_at_ns is not None), default=None)

    @property
    def pending(self) -> int:
        """Rows that the cloud has not acknowledged."""
        return sum(journal.last - journal.acknowledged for journal in self._journals.values())

    def handle(self, event: UplinkInput, now_ns: int) -> Effects:
        """Take one input; returns what to do, in order."""
        match event:
            case Connected():
                self._connected = True
                return [effect for name in self._journals for effect in self._again(name, now_ns)]
            case Disconnected():
                self._connected = False
            case JournalSeen():
                return self._on_seen(event, now_ns)
            case Received(name, payload, retained) if name is Down.ACK:
                return self._on_ack(payload, retained, now_ns)
            case Tick():
                return self._on_tick(now_ns)
            case _:
                pass
        return []

    def _on_seen(self, seen: JournalSeen, now_ns: int) -> Effects:
        if seen.journal_id in self._gone:
            return []
        journal = self._journals.get(seen.journal_id)
        if journal is None or journal.epoch != seen.epoch:
            journal = _Journal(seen.epoch, seen.acknowledged, seen.acknowledged, seen.last)
            self._journals[seen.journal_id] = journal
        journal.last = max(journal.last, seen.last)
        return self._fill(seen.journal_id, now_ns)

    def _on_ack(self, payload: bytes, retained: bool, now_ns: int) -> Effects:
        if retained:
            return self._refuse(Refusal.RETAINED, "a retained acknowledgement", now_ns)
        try:
            ack = decode(JournalAck, payload)
        except WireError as error:
            return self._refuse(refusal_of(error), str(error), now_ns)
        journal = self._journals.get(ack.journal_id)
        if journal is None:
            if ack.journal_id in self._gone:
                return []
            detail = f"acknowledgement for journal {ack.journal_id}, which this gateway does not send"
            return self._refuse(Refusal.UNKNOWN_JOURNAL, detail, now_ns)
        if ack.conflict or ack.through > journal.last:
            return self._contest(ack, journal, now_ns)
        # Rows not sent in this epoch are not taken as delivered: the acknowledgement may come from before it began.
        through = min(ack.through, journal.sent)
        if through < journal.acknowledged:
            journal.told_less = through
            return []
        news = through > journal.acknowledged or any(end <= through for end in journal.batch_ends)
        journal.told_less = None
        if not news:
            return []
        journal.batch_ends = [end for end in journal.batch_ends if end > through]
        journal.delay_ns = RESEND_NS
        self._set_resend(journal, now_ns)
        if through == journal.acknowledged:  # it still has what it had
            return self._fill(ack.journal_id, now_ns)
        journal.acknowledged = through
        return [Acknowledge(ack.journal_id, journal.epoch, through), *self._fill(ack.journal_id, now_ns)]

    def _contest(self, ack: JournalAck, journal: _Journal, now_ns: int) -> Effects:
        if ack.conflict:
            detail = f"the cloud has other content under this journal's numbers (it has {ack.through})"
        else:
            detail = f"the cloud has rows up to {ack.through}, this journal only {journal.last}: an old copy of it"
        unsent = f"; rows {journal.acknowledged + 1} to {journal.last} stay on this gateway for a person to look at"
        del self._journals[ack.journal_id]
        self._gone.add(ack.journal_id)
        alarm = self._meter.record(
            EventKind.ALARM, Alarm.JOURNAL_CONTESTED, f"journal {ack.journal_id}: {detail}{unsent}", now_ns
        )
        return [ContestJournal(ack.journal_id, detail), *alarm]

    def _on_tick(self, now_ns: int) -> Effects:
        effects: Effects = []
        for name, journal in self._journals.items():
            if journal.resend_at_ns is not None and journal.resend_at_ns <= now_ns:
                journal.delay_ns = min(RESEND_NS_MAX, journal.delay_ns * 2)
                if journal.told_less is not None:
                    journal.acknowledged, journal.told_less = journal.told_less, None
                effects += self._again(name, now_ns)
        return effects if self._connected else []

    def _again(self, name: str, now_ns: int) -> Effects:
        """From the first row that the cloud has not; the last one, if it has them all."""
        journal = self._journals[name]
        journal.sent = min(journal.acknowledged, max(journal.last - 1, 0))
        journal.batch_ends.clear()
        return self._fill(name, now_ns)

    def _fill(self, name: str, now_ns: int) -> Effects:
        journal = self._journals[name]
        effects: Effects = []
        while self._connected and journal.sent < journal.last and len(journal.batch_ends) < IN_FLIGHT_BATCHES:
            first, journal.sent = journal.sent + 1, min(journal.last, journal.sent + BATCH_ROWS)
            journal.batch_ends.append(journal.sent)
            effects.append(SendEvents(name, first, journal.sent))
        if effects or journal.resend_at_ns is None:
            self._set_resend(journal, now_ns)
        return effects

    def _set_resend(self, journal: _Journal, now_ns: int) -> None:
        if journal.last == 0:
            return
        wait_ns = journal.delay_ns if journal.batch_ends else ASK_AGAIN_NS
        journal.resend_at_ns = now_ns + int(wait_ns * (0.75 + self._jitter.random() / 2))

    def _refuse(self, reason: Refusal, detail: str, now_ns: int) -> Effects:
        return list(self._meter.record(EventKind.REFUSED_MESSAGE, reason.value, detail, now_ns))
