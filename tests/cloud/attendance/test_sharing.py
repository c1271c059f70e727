"""Shared passes: what two people with one pass look like at the doors, what one person does not, on both engines."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from cloud.gateways.gym import NOON_MS, add_gym
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.attendance import sharing
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.intake import take_in
from portillon_cloud.attendance.sharing import (
    HAND_BACK_MS_MAX,
    TRAVEL_MS_MIN,
    TWO_PHONES_MS_MAX,
    WINDOW_MS,
    Seen,
    Sharing,
    Suspicion,
    shared_passes,
    suspicions,
)
from portillon_cloud.database import Database
from portillon_rules.decision import TimeQuality
from portillon_rules.reason import DenyReason
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent, Way

Make = Callable[..., JournalEvent]
IN = Seen(id=1, member="7", at_ms=NOON_MS, site_id=1, door="lane1", credential="k1.aa")
REPLAYED = DenyReason.PASS_REPLAYED.value


def later(ms: int, **changes: object) -> Seen:
    return replace(IN, id=2, at_ms=NOON_MS + ms, **changes)  # type: ignore[arg-type]


def kinds(*seen: Seen) -> list[Sharing]:
    return [one.kind for one in suspicions(seen)]


def test_nobody_is_at_two_sites_at_once() -> None:
    """Passages at two sites less than ten minutes apart, whichever way; at ten minutes nothing is said."""
    assert kinds(IN, later(TRAVEL_MS_MIN - 1, site_id=2)) == [Sharing.IMPOSSIBLE_TRAVEL]
    assert kinds(replace(IN, leaving=True), later(0, site_id=2)) == [Sharing.IMPOSSIBLE_TRAVEL]
    assert kinds(IN, later(TRAVEL_MS_MIN, site_id=2)) == []


def test_a_card_that_is_handed_back_enters_twice() -> None:
    """The same door, inwards, twice within two minutes; a refusal by anti-passback is the same try."""
    assert kinds(IN, later(HAND_BACK_MS_MAX)) == [Sharing.HAND_BACK]
    assert kinds(IN, later(5_000, reason=DenyReason.PASSBACK.value)) == [Sharing.HAND_BACK]
    assert kinds(IN, later(HAND_BACK_MS_MAX + 1)) == []


@pytest.mark.parametrize(
    "then",
    [
        [later(30_000, door="pool")],
        [later(30_000, leaving=True), replace(later(60_000), id=3)],
        [later(30_000, door="pool"), replace(later(60_000), id=3)],
        [later(30_000, door="pool", reason=DenyReason.PASSBACK.value)],
        [later(30_000, reason=DenyReason.DUES_UNPAID.value)],
    ],
)
def test_who_walks_about_hands_nothing_back(then: list[Seen]) -> None:
    """An inner door, out and in again, or another refusal: one person does that."""
    assert kinds(IN, *then) == []


def test_a_picture_of_a_code_is_shown_where_its_holder_has_just_passed() -> None:
    """The same code again at the same door, or at another site, after its holder went in."""
    assert kinds(IN, later(TWO_PHONES_MS_MAX, reason=REPLAYED)) == [Sharing.TWO_PHONES]
    assert kinds(IN, later(9_000, reason=DenyReason.COUNTER_REPLAYED.value, site_id=2)) == [Sharing.TWO_PHONES]
    assert kinds(IN, later(TWO_PHONES_MS_MAX + 1, reason=REPLAYED)) == []


def test_a_phone_that_is_shown_again_inside_is_one_phone() -> None:
    """At an inner door, at the way out, before anybody passed, or another credential: one person does."""
    assert kinds(IN, later(9_000, reason=REPLAYED, door="pool")) == []
    assert kinds(IN, later(9_000, reason=REPLAYED, leaving=True)) == []
    assert kinds(later(9_000, reason=REPLAYED)) == []
    assert kinds(IN, later(9_000, reason=REPLAYED, credential="k1.bb")) == []


SEEN = st.builds(
    Seen,
    id=st.integers(1, 10**6),
    member=st.just("7"),
    at_ms=st.integers(0, 30 * 60_000),
    site_id=st.integers(1, 2),
    door=st.sampled_from(("lane1", "pool")),
    credential=st.sampled_from((None, "k1.aa", "k1.bb")),
    leaving=st.booleans(),
    reason=st.sampled_from((None, None, None, DenyReason.PASSBACK.value, REPLAYED)),
)


@given(st.lists(SEEN, max_size=12, unique_by=lambda one: one.id), st.randoms(use_true_random=False))
def test_the_order_in_which_journals_come_changes_nothing(seen: list[Seen], random: Random) -> None:
    """Every order of the same events tells the same, and each pair is one member's within the window."""
    told = list(suspicions(seen))
    shuffled = list(seen)
    random.shuffle(shuffled)
    assert list(suspicions(shuffled)) == told
    for one in told:
        assert one.first.reason is None and 0 <= one.second.at_ms - one.first.at_ms <= WINDOW_MS


def test_without_the_time_between_every_visitor_of_two_sites_is_suspect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: the least time between two sites is what spares whoever trains at both."""
    monkeypatch.setattr(sharing, "TRAVEL_MS_MIN", 86_400_000)
    monkeypatch.setattr(sharing, "WINDOW_MS", 86_400_000)
    with pytest.raises(AssertionError):
        test_nobody_is_at_two_sites_at_once()


def give(db: Database, sender: Sender, *events: JournalEvent, journal_id: str = "j1") -> None:
    with db.write() as conn:
        take_in(conn, JournalBatch(journal_id=journal_id, events=events), sender=sender, now_ms=1)


def told(db: Database, organisation_id: int, **more: list[str]) -> list[Suspicion]:
    with db.read() as conn:
        return list(shared_passes(conn, organisation_id, from_ms=NOON_MS, until_ms=NOON_MS + 3_600_000, **more))


def test_suspicions_are_found_in_the_journals(db: Database, sender: Sender, event: Make) -> None:
    """Among others' passages, newest first, with the two events; an event that comes late takes its place."""
    give(
        db,
        sender,
        event(1, member="7", credential="k1.aa", way=Way.ENTRY),
        event(2, member="8", credential="k1.bb", way=Way.ENTRY),
        event(3, member="7", credential="k1.aa", way=Way.ENTRY, at_ms=NOON_MS + 20_000),
        event(4, "denied", member="8", credential="k1.bb", reason=REPLAYED, at_ms=NOON_MS + 30_000),
        event(5, "denied", member="8", credential="k1.bb", reason="dues_unpaid", at_ms=NOON_MS + 31_000),
        event(6, member="9", at_ms=NOON_MS + 40_000),
    )
    found = told(db, sender.organisation_id)
    assert [(one.kind, one.second.member) for one in found] == [(Sharing.TWO_PHONES, "8"), (Sharing.HAND_BACK, "7")]
    assert (found[1].first.at_ms, found[1].second.at_ms) == (NOON_MS + 1, NOON_MS + 20_000)
    assert [one.kind for one in told(db, sender.organisation_id, members=["7"])] == [Sharing.HAND_BACK]
    give(db, sender, event(7, member="7", way=Way.EXIT, at_ms=NOON_MS + 10_000))
    assert [one.kind for one in told(db, sender.organisation_id)] == [Sharing.TWO_PHONES]


def test_a_time_that_nobody_knows_suspects_nobody(db: Database, sender: Sender, event: Make) -> None:
    """A gateway whose clock is not certain may be hours wrong: its events are compared with nothing."""
    unsure = EventTime(
        boot_id="b9", boot_ns=5, real_ms=NOON_MS + 9_000, business_ms=NOON_MS + 9_000, quality=TimeQuality.UNCERTAIN
    )
    give(db, sender, event(1, member="7"), event(2, member="7", at=unsure))
    assert told(db, sender.organisation_id) == []


def test_the_span_is_half_open_and_nobody_elses(db: Database, sender: Sender, event: Make) -> None:
    """A pair belongs to the span of its second event; another gym's members are suspected by that gym alone."""
    give(
        db,
        sender,
        event(1, member="7", at_ms=NOON_MS - 5_000),
        event(2, member="7", at_ms=NOON_MS),
        event(3, member="8", at_ms=NOON_MS + 3_600_000 - 5_000),
        event(4, member="8", at_ms=NOON_MS + 3_600_000),
    )
    with db.write() as conn:
        other = add_gym(conn, gateway_id="other")
    give(db, other, event(1, member="7", at_ms=NOON_MS + 1_000))
    assert [one.second.member for one in told(db, sender.organisation_id)] == ["7"]
    assert told(db, other.organisation_id) == []
