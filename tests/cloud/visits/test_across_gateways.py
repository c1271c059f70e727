"""Two gateways' books and the cloud together: whatever is lost, late, moved or restarted, no visit is given twice."""

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copy

import pytest
from cloud.conftest import ManualClock
from cloud.gateways.conftest import build_gym
from cloud.visits.conftest import Desk
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.database import Database
from portillon_cloud.visits import moving
from portillon_cloud.visits.moving import WINDOW_MS, move
from portillon_edge.domain.visit_facts import (
    EveryVisitFreed,
    Reservation,
    VisitFact,
    VisitFreed,
    VisitReserved,
    VisitSpent,
)
from portillon_edge.visits.book import VisitBook
from portillon_rules.policy import SitePolicy
from portillon_rules.reason import DenyReason
from portillon_rules.visits import Visit, judge
from portillon_wire.messages import EventKind, JournalEvent

POLICY = SitePolicy(time_zone="America/Toronto")
NAMES = ("front", "back")
Step = tuple[str, str]


class PlainMemory:
    """What the durable memory keeps, in a counter; `forget` is a disk that was swapped."""

    def __init__(self) -> None:
        self.spent: Counter[Visit] = Counter()
        self.reserved: Counter[Visit] = Counter()
        self.lost_ms = -1

    def visits(self, member: str) -> Counter[Visit]:
        return self.spent + self.reserved

    def may_have_forgotten(self, since_ms: int) -> bool:
        return since_ms <= self.lost_ms

    def forget(self, at_ms: int) -> None:
        self.spent.clear()
        self.reserved.clear()
        self.lost_ms = at_ms

    def commit(self, facts: Sequence[VisitFact]) -> None:
        for fact in facts:
            match fact:
                case VisitReserved(_, visit):
                    self.reserved[visit] += 1
                case VisitSpent(_, visit):
                    self.reserved[visit] -= 1
                    self.spent[visit] += 1
                case VisitFreed(_, visit):
                    self.reserved[visit] -= 1
                case EveryVisitFreed():
                    self.reserved.clear()

    hold = commit


class Lanes:
    """The lanes of one gateway; what its journal holds that the cloud has not had yet."""

    def __init__(self, name: str, desk: Desk) -> None:
        self.name, self.desk = name, desk
        self.pretend = desk.enrol(name)
        self.memory = PlainMemory()
        self.book = VisitBook(name, self.memory)
        self.running: list[Reservation] = []
        self.unheard: list[JournalEvent] = []

    def badge(self, lane: int) -> None:
        row = self.desk.row_of(self.pretend)
        door, now_ms = f"lane-{lane}", self.desk.now_ms
        use = self.book.use(row, door=door, credential="card")
        reason = judge(use, policy=POLICY, business_ms=now_ms).reason
        if reason is None:
            got = self.book.reserve(use, door=door, credential="card", policy=POLICY, business_ms=now_ms)
            if got.reservation is not None:
                self.running.append(got.reservation)
        elif reason is DenyReason.VISIT_HELD_ELSEWHERE:
            self.unheard.append(self.desk.event(at=self.name, kind=EventKind.DENIED, reason=reason))

    def end(self, *, passed: bool) -> int:
        if not self.running:
            return 0
        reservation = self.running.pop(0)
        if not passed:
            self.book.freed(reservation)
            return 0
        self.book.spent(reservation)
        self.unheard.append(self.desk.event(*reservation.visits, at=self.name))
        return 1

    def restart(self) -> None:
        self.running.clear()
        self.book = VisitBook(self.name, self.memory)


def play(steps: Sequence[Step], *, template: Path, most: int) -> int:
    """How many passages a pack of `most` visits gave at two gateways."""
    with tempfile.TemporaryDirectory() as folder:
        copy(template, f"{folder}/cloud.db")
        db = Database(f"sqlite:///{folder}/cloud.db")
        try:
            gym = build_gym(db, ManualClock())
            gym.add_members(1)
            return _play(steps, Desk(gym), most)
        finally:
            db.close()


def _play(steps: Sequence[Step], desk: Desk, most: int) -> int:
    sites = {name: Lanes(name, desk) for name in NAMES}
    desk.give(most)
    passed = 0
    for step, name in steps:
        at = sites[name]
        match step:
            case "badge":
                at.badge(len(at.running))
            case "pass" | "leave":
                passed += at.end(passed=step == "pass")
            case "restart":
                at.restart()
            case "forget":
                at.memory.forget(desk.now_ms)
                at.restart()
            case "deliver" if at.unheard:
                desk.deliver(*at.unheard, at=name)
                at.unheard.clear()
            case "report" if name in desk.gateways:
                desk.reports(name, pending=len(at.unheard))
            case "cut":
                desk.gateways.pop(name, None)
            case "join":
                desk.gateways[name] = at.pretend
                desk.talk(at.pretend.report())
            case "move":
                with desk.gym.db.write() as conn:
                    move(
                        conn, organisation_id=desk.gym.organisation_id, member_id=desk.member_id, to=name,
                        now_ms=desk.now_ms,
                    )  # fmt: skip
                desk.talk()
            case "wait":
                desk.gym.clock.forward(ms=WINDOW_MS)
                for other in sites.values():  # no window is open for so long
                    while other.running:
                        other.end(passed=False)
    return passed


OFTEN = ["badge", "badge", "pass", "pass", "pass", "report", "deliver"]
SOMETIMES = ["wait", "wait", "leave", "restart", "forget", "cut", "join", "join", "move"]
STEP = st.tuples(st.sampled_from([*OFTEN, *OFTEN, *OFTEN, *SOMETIMES]), st.sampled_from(NAMES))
A_MOVE: list[Step] = [
    ("badge", "front"), ("badge", "front"), ("pass", "front"), ("move", "back"), ("report", "front"),
    ("pass", "front"), ("report", "front"), ("wait", "front"), ("report", "front"), ("deliver", "front"),
    ("report", "front"), ("badge", "back"), ("pass", "back"), ("badge", "back"), ("pass", "back"),
]  # fmt: skip


@settings(max_examples=15, deadline=None, derandomize=True)
@given(steps=st.lists(STEP, max_size=40), most=st.integers(1, 3))
def test_no_visit_is_given_twice(sqlite_template: Path, steps: list[Step], most: int) -> None:
    """Gateways cut off, journals late, memories lost, moves to and fro: passages stay within the pack."""
    assert play(steps, template=sqlite_template, most=most) <= most


def test_a_move_loses_no_visit_either(sqlite_template: Path) -> None:
    """Two were spent at the old home, one of them while it moved; the new one gives the third, and no fourth."""
    assert play(A_MOVE, template=sqlite_template, most=3) == 3


def test_a_lost_memory_gives_no_visit_again(sqlite_template: Path) -> None:
    """What was spent before the loss is told by the journal; the turn after it gives the rest."""
    steps: list[Step] = [
        ("badge", "front"), ("pass", "front"), ("forget", "front"), ("badge", "front"), ("pass", "front"),
        ("deliver", "front"), ("report", "front"), ("wait", "front"), ("report", "front"), ("badge", "front"),
        ("pass", "front"), ("badge", "front"), ("pass", "front"),
    ]  # fmt: skip
    assert play(steps, template=sqlite_template, most=2) == 2


@pytest.mark.parametrize("defence", ["told all", "home", "forgotten"])
def test_without_a_defence_visits_are_given_twice(
    sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, defence: str
) -> None:
    """The ablation: a move that waits for no journal, a book that counts anywhere, one that trusts an empty memory."""
    always: Callable[..., bool] = lambda *_, **__: True  # noqa: E731
    steps: list[Step] = [("badge", "front"), ("pass", "front")]
    match defence:
        case "told all":
            monkeypatch.setattr(moving, "_has_told_all", always)
            steps += [("move", "back"), ("report", "front"), ("report", "front"), ("badge", "back"), ("pass", "back")]
        case "home":
            init = VisitBook.__init__
            monkeypatch.setattr(VisitBook, "__init__", lambda book, _, memory: init(book, "front", memory))
            steps += [("badge", "back"), ("pass", "back")]
        case _:
            monkeypatch.setattr(PlainMemory, "may_have_forgotten", lambda *_: False)
            steps += [("forget", "front"), ("badge", "front"), ("pass", "front")]
    assert play(steps, template=sqlite_template, most=1) == 2
