"""Visits from grant to passage, on the durable memory, with bad disks, restarts and two lanes."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from edge.store.failing_disk import FailingDisk
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.domain.credential_facts import NS_PER_MS, CounterSeen
from portillon_edge.domain.events import EventTime
from portillon_edge.domain.visit_facts import Reservation, VisitReserved, VisitSpent
from portillon_edge.errors import MemoryUnwritable
from portillon_edge.store.credential_files import path_of, visit_use
from portillon_edge.store.credential_memory import RETRY_NS, DurableCredentialMemory
from portillon_edge.visits import book
from portillon_edge.visits.book import Reserved, VisitBook
from portillon_rules.decision import RowDamaged, TimeQuality
from portillon_rules.policy import JournalUnwritable, SitePolicy, VisitsElsewhere
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.visits import Allowance, Per, Visit, VisitRow, VisitUse, judge

POLICY = SitePolicy(time_zone="America/Toronto")
STRICT = replace(POLICY, journal_unwritable=JournalUnwritable.DENY)
CERTAIN = TimeQuality.CERTAIN
NOW_MS = 1_763_938_800_000
FOREVER_MS = 7_258_118_400_000
DAY_MS = 86_400_000


def pack(most: int, *, home: str | None = "front", turn: int = 1, since_ms: int = NOW_MS) -> VisitRow:
    allowance = Allowance(name="7", most=most, until_ms=FOREVER_MS)
    return VisitRow(member="m1", home=home, turn=turn, since_ms=since_ms, allowances=(allowance,))


def day(days: int, *, ahead: int = 0) -> EventTime:
    """The time so many days after the boot, by a clock that is so many days ahead."""
    at_ms = NOW_MS + (days + ahead) * DAY_MS
    return EventTime(boot_id="b", boot_ns=days * DAY_MS * NS_PER_MS, real_ms=at_ms, business_ms=at_ms, quality=CERTAIN)


class Gateway:
    """A book on the disk, and a badge at one of its doors."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.folder, self.options = folder, options
        self.memory = DurableCredentialMemory(folder, **options)  # type: ignore[arg-type]
        self.book = VisitBook("front", self.memory)

    def badge(
        self, row: VisitRow, *, door: str = "lane-1", card: str = "card", policy: SitePolicy = POLICY
    ) -> Reserved:
        use = self.book.use(row, door=door, credential=card)
        reason = judge(use, policy=policy, business_ms=NOW_MS).reason
        if reason is not None:
            return Reserved(reason=reason)
        return self.book.reserve(use, door=door, credential=card, policy=policy, business_ms=NOW_MS)

    def counted(self) -> int:
        return sum(self.memory.visits("m1").values())

    def restarted(self) -> "Gateway":
        self.memory.close()
        return Gateway(self.folder, **self.options)


@pytest.fixture
def front(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


def test_the_last_visit_is_not_given_at_two_lanes(front: Gateway) -> None:
    """While somebody is let in on it at one lane, the friend at the other is refused; passed, it is gone."""
    first = front.badge(pack(1), door="lane-1")
    assert first.reservation is not None and first.flags == ("visit:7.1.",)
    assert front.badge(pack(1), door="lane-2").reason is DenyReason.NO_VISITS_LEFT
    front.book.spent(first.reservation)
    assert front.badge(pack(1), door="lane-2").reason is DenyReason.NO_VISITS_LEFT


def test_a_grant_that_nobody_uses_costs_nothing(front: Gateway) -> None:
    """The window ended, or the lane was taken: the visit is there again."""
    front.book.freed(front.badge(pack(1)).reservation)
    again = front.badge(pack(1), door="lane-2")
    assert again.reason is None and front.counted() == 1


def test_a_reservation_is_on_the_disk_before_anybody_is_let_in(front: Gateway) -> None:
    """Whoever pulls the plug while somebody walks through finds it written down."""
    front.badge(pack(1))
    beside = DurableCredentialMemory(front.folder)
    assert sum(beside.visits("m1").values()) == 1
    beside.close()


def test_a_restart_frees_what_nobody_passed_on_and_keeps_what_was_spent(front: Gateway) -> None:
    """No grant outlives the process that gave it; no passage is forgotten by it."""
    front.book.spent(front.badge(pack(3)).reservation)
    front.badge(pack(3))
    assert front.counted() == 2
    after = front.restarted()
    assert after.counted() == 1


def test_badging_again_before_passing_holds_one_visit(front: Gateway) -> None:
    """The last visit opens again for the person who holds it, and one passage spends it once."""
    first, again = front.badge(pack(1)), front.badge(pack(1))
    assert again.reason is None and again.reservation == first.reservation and front.counted() == 1
    front.book.freed(first.reservation)  # the lane goes on with one of the two grants
    assert front.badge(pack(1), door="lane-2").reason is DenyReason.NO_VISITS_LEFT
    front.book.spent(again.reservation)
    assert front.counted() == 1 and front.badge(pack(1)).reason is DenyReason.NO_VISITS_LEFT


def test_two_passages_on_one_reservation_are_two_visits(front: Gateway) -> None:
    """A window that ended just before the same card came again: both passed, so both count."""
    first, again = front.badge(pack(5)), front.badge(pack(5))
    front.book.spent(first.reservation)
    front.book.spent(again.reservation)
    assert front.counted() == 2


def test_another_card_of_the_same_person_needs_a_visit_of_its_own(front: Gateway) -> None:
    """Card and phone at one lane are two badges: somebody else may hold the phone."""
    front.badge(pack(1), card="card")
    assert front.badge(pack(1), card="phone").reason is DenyReason.NO_VISITS_LEFT


def test_an_end_without_a_reservation_frees_nothing_and_forgets_no_passage(front: Gateway) -> None:
    """Told twice that a grant ended, the count stays right; a passage always counts."""
    held = front.badge(pack(3)).reservation
    front.book.freed(held)
    front.book.freed(held)
    assert front.counted() == 0
    front.book.spent(held)
    assert front.counted() == 1
    front.book.freed(None)
    front.book.spent(None)
    assert front.counted() == 1


def test_every_quota_and_one_pack_are_reserved_together(front: Gateway) -> None:
    """Twice a week on a pack of ten: one commit, and the passage spends both."""
    quota = Allowance(name="8", most=2, per=Per.WEEK, until_ms=FOREVER_MS)
    row = replace(pack(10), allowances=(*pack(10).allowances, quota))
    reserved = front.badge(row)
    assert reserved.reservation is not None
    assert {visit.name for visit in reserved.reservation.visits} == {"7", "8"}
    front.book.spent(reserved.reservation)
    assert sorted(visit.name for visit, count in front.memory.visits("m1").items() if count) == ["7", "8"]


@pytest.mark.parametrize("home", ["back", None])
def test_only_the_home_counts(front: Gateway, home: str | None) -> None:
    """Elsewhere, and while the visits move, it is refused; or given with a flag, a mark, and nothing on the disk."""
    row = pack(1, home=home)
    assert front.badge(row).reason is DenyReason.VISIT_HELD_ELSEWHERE
    lenient = replace(POLICY, visits_elsewhere=VisitsElsewhere.PASS_AND_FLAG)
    given = front.badge(row, policy=lenient)
    assert given.flags == ("visit:7.0.",) and front.counted() == 0
    front.book.spent(given.reservation)
    assert front.counted() == 0


def test_a_new_turn_begins_at_nothing(front: Gateway) -> None:
    """The cloud says what was spent before it; the count of an earlier turn here is not added once more."""
    front.book.spent(front.badge(pack(1, turn=1)).reservation)
    assert front.badge(pack(1, turn=2)).reason is None


def test_a_memory_that_was_lost_counts_no_visits_of_before(front: Gateway) -> None:
    """What it gave before is forgotten, so it is held elsewhere until the cloud begins a new turn; then it is known."""
    front.book.spent(front.badge(pack(5)).reservation)
    front.memory.close()
    path_of(front.folder, 1).write_bytes(b"\0" * 8_192)
    after = Gateway(front.folder)
    assert after.badge(pack(5)).reason is DenyReason.VISIT_HELD_ELSEWHERE


@pytest.mark.parametrize("unwritable", list(JournalUnwritable))
def test_a_bad_disk_follows_the_sites_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unwritable: JournalUnwritable
) -> None:
    """Refused; or let in with a flag, and the last visit is still given once while this process lives."""
    front = Gateway(tmp_path, factory=FailingDisk)
    monkeypatch.setattr(FailingDisk, "broken", True)
    policy = replace(POLICY, journal_unwritable=unwritable)
    got = front.badge(pack(1), policy=policy)
    if unwritable is JournalUnwritable.DENY:
        assert got.reason is DenyReason.JOURNAL_UNWRITABLE
        return
    assert GrantFlag.NOT_JOURNALED in got.flags and got.reservation is not None
    assert front.badge(pack(1), door="lane-2", policy=policy).reason is DenyReason.NO_VISITS_LEFT
    front.book.spent(got.reservation)
    assert front.badge(pack(1), policy=policy).reason is DenyReason.NO_VISITS_LEFT


def test_what_waited_for_the_disk_is_counted_once_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Visits given while the disk failed are on it afterwards, each once, and outlive a restart."""
    front = Gateway(tmp_path, factory=FailingDisk)
    front.book.spent(front.badge(pack(5)).reservation)
    monkeypatch.setattr(FailingDisk, "broken", True)
    front.book.spent(front.badge(pack(5)).reservation)
    front.book.freed(front.badge(pack(5)).reservation)
    assert front.counted() == 2
    monkeypatch.setattr(FailingDisk, "broken", False)
    front.memory.tidy(EventTime(boot_id="b", boot_ns=0, real_ms=NOW_MS, business_ms=NOW_MS, quality=CERTAIN))
    assert front.counted() == 2 and front.restarted().counted() == 2


def test_counts_are_forgotten_a_month_after_their_end(front: Gateway) -> None:
    """A quota of last year changes nothing any more; a pack without an end is never forgotten."""
    ended = replace(pack(5), allowances=(replace(pack(5).allowances[0], until_ms=NOW_MS + 1),))
    front.memory.tidy(day(0))
    front.book.spent(front.badge(ended).reservation)
    for days, kept in ((61, 1), (63, 0)):
        front.memory.commit([CounterSeen("card", days)])
        front.memory.tidy(day(days))
        assert front.counted() == kept


def test_a_disk_that_cannot_be_read_is_no_licence() -> None:
    """Then this gateway does not know the count: it is as if the visits were held elsewhere."""

    class Unreadable:
        def visits(self, member: str) -> dict[Visit, int]:
            raise MemoryUnwritable("gone")

        def may_have_forgotten(self, since_ms: int) -> bool:
            return False

        def commit(self, facts: object) -> None:
            raise MemoryUnwritable("gone")

        def hold(self, facts: object) -> None:
            """For ever."""

    book = VisitBook("front", Unreadable())
    assert not book.use(pack(1), door="lane-1", credential="card").sure
    assert book.use(RowDamaged("m1"), door="lane-1", credential="card") == VisitUse(damaged=True)
    assert book.use(None, door="lane-1", credential="card") == VisitUse()


def test_nothing_is_asked_for_whom_nothing_limits(front: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member without packs and quotas costs the disk nothing at the door."""
    commits: list[object] = []
    monkeypatch.setattr(front.memory, "commit", commits.append)
    use = front.book.use(None, door="lane-1", credential="card")
    got = front.book.reserve(use, door="lane-1", credential="card", policy=POLICY, business_ms=NOW_MS)
    assert got == Reserved() and commits == []


STEPS = st.lists(
    st.tuples(st.sampled_from(["badge", "pass", "leave", "restart", "break", "mend"]), st.integers(0, 3)), max_size=40
)


def _uncertain(boot_ns: int) -> EventTime:
    return EventTime(boot_id="b", boot_ns=boot_ns, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)


def play(folder: Path, steps: list[tuple[str, int]], *, most: int) -> int:
    """How many passages a pack of `most` visits gave to three cards at four lanes, whatever happened on the way."""
    front, passed = Gateway(folder, factory=FailingDisk), 0
    running: dict[int, Reservation] = {}
    mended_ns = 0
    try:
        for step, lane in steps:
            match step:
                case "badge" if lane not in running:
                    got = front.badge(pack(most), door=f"lane-{lane}", card=f"card-{lane % 3}", policy=STRICT)
                    if got.reservation is not None:
                        running[lane] = got.reservation
                case "pass" if lane in running:
                    front.book.spent(running.pop(lane))
                    passed += 1
                case "leave" if lane in running:
                    front.book.freed(running.pop(lane))
                case "restart" if not FailingDisk.broken:
                    running.clear()
                    front = front.restarted()
                case "break" | "mend":
                    FailingDisk.broken = step == "break"
                    if step == "mend":
                        mended_ns += RETRY_NS
                        front.memory.tidy(_uncertain(mended_ns))
    finally:
        FailingDisk.broken = False
        front.memory.close()
    return passed


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, most=st.integers(1, 4))
def test_never_more_passages_than_visits(steps: list[tuple[str, int]], most: int) -> None:
    """Four lanes, three cards, restarts and a disk that fails and comes back: a pack gives what it has, no more."""
    with tempfile.TemporaryDirectory() as folder:
        assert play(Path(folder), steps, most=most) <= most


@pytest.mark.parametrize("forgotten", [VisitReserved, VisitSpent])
def test_without_a_fact_the_pack_gives_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: type[object]
) -> None:
    """The ablation: a book that does not write down reservations, or passages, gives the last visit twice."""
    known = book._facts
    monkeypatch.setattr(book, "_facts", lambda kind, of: [] if kind is forgotten else known(kind, of))
    steps = [("badge", 0), ("badge", 1), ("pass", 0), ("pass", 1), ("restart", 0), ("badge", 0), ("pass", 0)]
    assert play(tmp_path, steps, most=1) > 1


def test_anybody_may_look_how_many_are_left(front: Gateway) -> None:
    """`explain` counts beside a running gateway what the gateway counts, and before there is any file."""
    front.book.spent(front.badge(pack(2)).reservation)
    seen = visit_use(front.folder, pack(2), gateway="front")
    assert seen == front.book.use(pack(2), door="lane-1", credential="card")
    assert not visit_use(front.folder, pack(2, home="back"), gateway="front").sure
    assert visit_use(front.folder / "nowhere", pack(2), gateway="front") == VisitUse(pack(2))


def test_looking_on_knows_of_a_loss_and_of_a_bad_file(front: Gateway) -> None:
    """Then nobody is told that visits are left."""
    front.memory.close()
    path_of(front.folder, 1).write_bytes(b"\0" * 8_192)
    assert not visit_use(front.folder, pack(2), gateway="front").sure
    DurableCredentialMemory(front.folder).close()
    assert not visit_use(front.folder, pack(2), gateway="front").sure
