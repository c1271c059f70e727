"""A provider that tells what a test wants it to, and answers what things are now; its events can be lost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portillon_cloud.database import Database
from portillon_cloud.payments.inbox.acting import act
from portillon_cloud.payments.inbox.news import (
    ChargeSeen,
    DisputeSeen,
    Event,
    Evidence,
    MethodSeen,
    NewsAwayError,
    NewsForgedError,
    ProviderNews,
    RefundSeen,
)
from portillon_cloud.payments.inbox.receiving import receive
from portillon_cloud.payments.inbox.sweeping import sweep, watch

PROVIDER = "simulator"


@dataclass
class ToldClock:
    """Machine time that moves only by hand."""

    now_ms: int = 1_772_445_600_000

    def real_ms(self) -> int:
        return self.now_ms

    def forward(self, *, ms: int) -> None:
        self.now_ms += ms


@dataclass
class Told:
    """The provider's books: what each thing is now, and every event there ever was."""

    charges: dict[str, ChargeSeen] = field(default_factory=dict)
    refunds: dict[str, RefundSeen] = field(default_factory=dict)
    disputes: dict[str, DisputeSeen] = field(default_factory=dict)
    methods: dict[str, MethodSeen] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    away: bool = False
    asked: int = 0
    between: Callable[[], None] = lambda: None  # what happens while an answer is on its way

    def happens(self, kind: str, object_id: str, *, created_s: int = 1_772_445_600) -> Event:
        """Something happens; nobody is told of it yet."""
        event = Event(id=f"evt_{len(self.events) + 1}", kind=kind, object_id=object_id, created_s=created_s)
        self.events.append(event)
        return event

    def verify(self, headers: Mapping[str, str], body: bytes) -> Event:
        if headers.get("signature") != "genuine":
            raise NewsForgedError("nobody we know signed this")
        return next(one for one in self.events if one.id == body.decode())

    def events_since(self, since_s: int) -> Sequence[Event]:
        self._answer()
        return [one for one in reversed(self.events) if one.created_s >= since_s]

    def fetch_charge(self, reference: str) -> ChargeSeen | None:
        return self._told(self.charges.get(reference))

    def fetch_refund(self, reference: str) -> RefundSeen | None:
        return self._told(self.refunds.get(reference))

    def fetch_dispute(self, reference: str) -> DisputeSeen | None:
        return self._told(self.disputes.get(reference))

    def fetch_method(self, reference: str) -> MethodSeen | None:
        return self._told(self.methods.get(reference))

    def submit_evidence(self, reference: str, evidence: Evidence) -> DisputeSeen:
        self._answer()
        self.evidence.append(evidence)
        return self.disputes[reference]

    def _told(self, found: Any) -> Any:
        self._answer()
        self.between()
        return found

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise NewsAwayError("the provider does not answer")


@dataclass
class Inbox:
    """One organisation's inbox over a database, and hands to fill and empty it."""

    db: Database
    organisation_id: int
    told: Told = field(default_factory=Told)
    clock: ToldClock = field(default_factory=ToldClock)

    def hear(self, event: Event, *, signature: str = "genuine") -> None:
        """The webhook arrives."""
        receive(
            self.db,
            self.told,
            {"signature": signature},
            event.id.encode(),
            organisation_id=self.organisation_id,
            provider=PROVIDER,
            real_ms=self.clock.real_ms(),
        )

    def news_of(self, organisation_id: int, provider: str) -> ProviderNews | None:
        """The one account that there is."""
        return self.told if (organisation_id, provider) == (self.organisation_id, PROVIDER) else None

    def act(self) -> int:
        """Act on what waits now."""
        return act(self.db, self.news_of, self.clock)

    def tell(self, kind: str, object_id: str) -> None:
        """Something happens, its webhook arrives and is acted on."""
        self.hear(self.told.happens(kind, object_id))
        self.act()

    def watch(self) -> None:
        """Have the provider's list read from the beginning."""
        with self.db.write() as conn:
            watch(conn, organisation_id=self.organisation_id, provider=PROVIDER, from_s=1_772_445_600)

    def sweep(self) -> int:
        """Read the list, if its hour has come."""
        return sweep(self.db, self.news_of, self.clock)
