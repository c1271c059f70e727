"""A gym with members and one gateway; packs at the desk, passages at the lane."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from cloud.gateways.conftest import Gym, build_gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.database import Database
from portillon_cloud.visits.operations import MemberVisits, give, member_visits
from portillon_rules.decision import TimeQuality
from portillon_rules.visits import Per, Visit, VisitRow
from portillon_wire.messages import EventKind, EventTime, JournalBatch, JournalEvent, Reported, Way, encode
from portillon_wire.topics import Up, up


@dataclass
class Desk:
    """What a test does at the desk and at the lanes; the member is the gym's first."""

    gym: Gym
    gateways: dict[str, PretendGateway] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        return int(self.gym.clock.real_ms())

    @property
    def member_id(self) -> int:
        return self.gym.members[0]

    def enrol(self, gateway_id: str) -> PretendGateway:
        gateway = self.gym.enrol(gateway_id)
        self.gateways[gateway_id] = gateway
        self.talk(*gateway.birth())
        self.gym.clock.forward(ms=1)
        return gateway

    def talk(self, *said: tuple[str, bytes]) -> None:
        self.gym.talk(said, *self.gateways.values())

    def give(self, most: int, per: Per | None = None, **more: Any) -> int:
        wanted = {"from_ms": self.now_ms, "until_ms": None, **more}
        with self.gym.db.write() as conn:
            made = give(
                conn, organisation_id=self.gym.organisation_id, member_id=self.member_id, most=most, per=per, by="Ana",
                now_ms=self.now_ms, **wanted,
            )  # fmt: skip
        self.talk()
        return made

    def view(self) -> MemberVisits:
        with self.gym.db.read() as conn:
            return member_visits(
                conn, organisation_id=self.gym.organisation_id, member_id=self.member_id, now_ms=self.now_ms
            )

    def left(self) -> list[int]:
        """Of the open ones, newest first."""
        return [one.left for one in self.view().allowances if one.closed_at_ms is None]

    def row(self, at: str = "front") -> VisitRow | None:
        """As this gateway has it."""
        return self.row_of(self.gateways[at])

    def row_of(self, gateway: PretendGateway) -> VisitRow | None:
        body = gateway.rows.get(("visits", str(self.member_id)))
        return None if body is None else VisitRow.from_body(str(self.member_id), json.loads(body))

    def event(
        self, *visits: Visit, at: str = "front", kind: EventKind = EventKind.PASSAGE, **more: Any
    ) -> JournalEvent:
        """The next event of a gateway's journal; nobody has delivered it yet."""
        self.sequences[at] = self.sequences.get(at, 0) + 1
        values: dict[str, Any] = {"member": str(self.member_id), "flags": tuple(one.mark for one in visits), **more}
        now = EventTime(
            boot_id="b", boot_ns=0, real_ms=self.now_ms, business_ms=self.now_ms, quality=TimeQuality.CERTAIN
        )
        return JournalEvent(sequence=self.sequences[at], kind=kind, at=now, **values)

    def deliver(self, *events: JournalEvent, at: str = "front") -> None:
        self.talk((up(at, Up.JOURNAL), encode(JournalBatch(journal_id=f"j-{at}", events=events))))

    def passes(self, *visits: Visit, at: str = "front", way: Way | None = None) -> None:
        self.deliver(self.event(*visits, at=at, way=way), at=at)

    def reports(self, at: str = "front", *, pending: int = 0, writable: bool = True, ahead_ms: int = 0) -> None:
        report = Reported(
            boot_id="boot-1", devices=(), doors=(), journal_pending=pending, journal_writable=writable,
            rules_version="5", software="pretend", at_ms=self.now_ms + ahead_ms,
        )  # fmt: skip
        self.talk((up(at, Up.REPORTED), encode(report)))


@pytest.fixture
def make_desk(db: Database, clock: Any) -> Callable[[], Desk]:
    def made() -> Desk:
        gym = build_gym(db, clock)
        gym.add_members(2)
        return Desk(gym)

    return made


@pytest.fixture
def desk(make_desk: Callable[[], Desk]) -> Desk:
    """With one gateway."""
    desk = make_desk()
    desk.enrol("front")
    return desk
