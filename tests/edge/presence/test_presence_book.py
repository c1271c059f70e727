"""Who is where, by passages: ways, zones within zones, people on their way, passages of nobody, and how counts heal."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.events import Way
from portillon_edge.presence import book as presence_book
from portillon_edge.presence.book import WATCHED_MS, Journey, Moment, PresenceBook
from portillon_rules.presence import Presence
from portillon_rules.zone_rule import ZoneRule

ZONES = {"gym": ZoneRule(zone="gym"), "pool": ZoneRule(zone="pool", within="gym")}
NIGHTLY = {**ZONES, "gym": ZoneRule(zone="gym", reset_hour=4)}
HOUR_MS = 3_600_000
START_MS = 1_795_000_000_000 - 1_795_000_000_000 % (24 * HOUR_MS)
LATER_MS = START_MS + WATCHED_MS


def at(ms: int = 0, zones: dict[str, ZoneRule] = ZONES) -> Moment:
    """`ms` after the book has watched for a day, which is midnight."""
    return Moment(zones, "UTC", LATER_MS + ms)


def way_of(member: str, zone: str = "gym", way: Way = Way.ENTRY, *, card: str = "card", door: str = "") -> Journey:
    return Journey(member=member, credential=f"{member}-{card}", door=door or f"{zone}-door", zone=zone, way=way)


class Book(PresenceBook):
    """One that has watched for a day, with its moves in short."""

    def __init__(self, **more: Any) -> None:
        super().__init__(began_ms=START_MS, **more)

    def enter(self, member: str, zone: str = "gym", moment: Moment | None = None) -> None:
        self.passes(way_of(member, zone), moment or at())

    def leave(self, member: str, zone: str = "gym", moment: Moment | None = None) -> None:
        self.passes(way_of(member, zone, Way.EXIT), moment or at())

    def count(self, zone: str = "gym", moment: Moment | None = None) -> int:
        return self.others_in(zone, "", moment or at())

    def zone_of(self, member: str) -> str | None:
        presence = self.presence(way_of(member), at())
        assert presence is not None
        return presence.zone


def test_a_passage_moves_its_member_by_its_way() -> None:
    """In, further in, back, out; and who is in the pool is in the gym too."""
    book = Book()
    seen = []
    for zone, way in (("gym", Way.ENTRY), ("pool", Way.ENTRY), ("pool", Way.EXIT), ("gym", Way.EXIT)):
        book.passes(way_of("anne", zone, way), at())
        seen.append((book.zone_of("anne"), book.count("gym"), book.count("pool")))
    assert seen == [("gym", 1, 0), ("pool", 1, 1), ("gym", 1, 0), (None, 0, 0)]


def test_the_time_of_a_presence_is_that_of_its_passage() -> None:
    """Timed rules count from it."""
    book = Book()
    book.enter("anne", moment=at(700))
    assert book.presence(way_of("anne"), at(900)) == Presence("gym", LATER_MS + 700)


def test_whoever_was_never_seen_is_outside_once_the_book_has_watched_for_a_day() -> None:
    """Before that nobody knows: they may have come in before it began."""
    book = PresenceBook()
    young = Moment(ZONES, "UTC", START_MS)
    assert book.presence(way_of("anne"), young) is None
    assert book.presence(way_of("anne"), Moment(ZONES, "UTC", LATER_MS - 1)) is None
    assert book.presence(way_of("anne"), at()) == Presence(None, START_MS)


def test_a_grant_is_no_entry() -> None:
    """Nobody passed on it: the member is where they were."""
    book = Book()
    book.sets_out(way_of("anne"))
    book.turns_back(way_of("anne"))
    assert book.zone_of("anne") is None and book.count() == 0


def test_whoever_is_on_the_way_in_is_in_for_every_other_door_and_card() -> None:
    """The card handed back over the lane, the phone beside the card; badging again where one stands is no second entry.

    It ends with the grant, and leaving is no way in.
    """
    book = Book()
    book.sets_out(way_of("anne", door="lane1"))
    on_the_way = Presence("gym", LATER_MS + 5)
    assert book.presence(way_of("anne", door="lane2"), at(5)) == on_the_way
    assert book.presence(way_of("anne", door="lane1", card="phone"), at(5)) == on_the_way
    assert book.presence(way_of("anne", door="lane1"), at(5)) == Presence(None, START_MS)
    assert book.presence(way_of("bea", door="lane2"), at(5)) == Presence(None, START_MS)
    book.turns_back(way_of("anne", door="lane1"))
    assert book.presence(way_of("anne", door="lane2"), at(5)) == Presence(None, START_MS)
    book.enter("anne")
    book.sets_out(way_of("anne", way=Way.EXIT))
    assert book.zone_of("anne") == "gym"


def test_whoever_is_on_the_way_in_takes_a_place() -> None:
    """Once for each person, in the zone and those around it, and not when they are in already or leave."""
    book = Book()
    book.sets_out(way_of("anne", "pool"))
    book.sets_out(way_of("anne", "pool", card="phone"))
    assert (book.count("pool"), book.count("gym")) == (1, 1)
    assert book.others_in("pool", "anne", at()) == 0
    book.enter("anne", "pool")
    assert (book.count("pool"), book.count("gym")) == (1, 1)
    book.sets_out(way_of("bea", way=Way.EXIT))
    assert book.count() == 1


def test_others_are_everybody_but_oneself() -> None:
    """So whoever is counted takes no second place when they badge again."""
    book = Book()
    book.enter("anne")
    book.enter("bea")
    assert book.others_in("gym", "anne", at()) == 1 and book.others_in("gym", "carl", at()) == 2
    assert book.inside("gym", at()) == {"anne", "bea"} and book.inside("pool", at()) == frozenset()
    book.enter("bea", "pool")
    assert book.inside("gym", at()) == {"anne", "bea"} and book.inside("pool", at()) == {"bea"}


def test_passages_of_nobody_are_counted() -> None:
    """In by a lane that stands free, out by a free way out; a zone is never emptier than empty."""
    book = Book()
    counts = []
    for way in (Way.EXIT, Way.ENTRY, Way.ENTRY, Way.EXIT, Way.EXIT, Way.EXIT, Way.ENTRY):
        book.nobody_passes("gym", way, at())
        counts.append(book.count())
    assert counts == [0, 1, 2, 1, 0, 0, 1]


def test_nobody_goes_further_in_and_back() -> None:
    """The pool gains, the gym around it keeps the same; who was never counted there is counted from then on."""
    book = Book()
    book.nobody_passes("gym", Way.ENTRY, at())
    seen = []
    for way in (Way.ENTRY, Way.EXIT, Way.ENTRY):
        book.nobody_passes("pool", way, at())
        seen.append((book.count("gym"), book.count("pool")))
    assert seen == [(1, 1), (1, 0), (1, 1)]
    fresh = Book()
    fresh.nobody_passes("pool", Way.ENTRY, at())
    assert (fresh.count("gym"), fresh.count("pool")) == (1, 1)


def test_a_member_who_left_among_nobodies_is_set_right_when_they_come_again() -> None:
    """Anne goes out by the free way: the count is right at once, and still is when she enters again."""
    book = Book()
    book.enter("anne")
    book.enter("bea")
    book.nobody_passes("gym", Way.EXIT, at())
    assert book.count() == 1
    book.enter("anne")
    assert book.count() == 2
    book.leave("bea")
    book.leave("anne")
    assert book.count() == 0


def test_a_member_who_came_among_nobodies_is_set_right_when_they_leave() -> None:
    """Carl tailgated where the lane saw it: when he badges out, he is no nobody any more."""
    book = Book()
    book.nobody_passes("gym", Way.ENTRY, at())
    book.leave("carl")
    assert book.count() == 0
    book.nobody_passes("gym", Way.ENTRY, at())
    book.enter("carl", "pool")
    assert (book.count("gym"), book.count("pool")) == (1, 1)


def test_a_member_who_left_the_inner_zone_among_nobodies_is_set_right_all_the_way() -> None:
    """Out of the pool by its free door, and out of the gym by card, by a free door, or unseen: nobody is left over."""
    for leave_gym in ("card", "free", "unseen"):
        book = Book()
        book.enter("anne")
        book.enter("anne", "pool")
        book.nobody_passes("pool", Way.EXIT, at())
        assert (book.count("gym"), book.count("pool")) == (1, 0)
        if leave_gym == "card":
            book.leave("anne")
        elif leave_gym == "free":
            book.nobody_passes("gym", Way.EXIT, at())
        if leave_gym != "unseen":
            assert (book.count("gym"), book.count("pool")) == (0, 0)
        book.enter("anne")
        assert (book.count("gym"), book.count("pool")) == (1, 0)


def test_at_the_reset_hour_counts_begin_anew() -> None:
    """Members and nobodies count as gone at 04:00; where a member was stays known, for the rules to judge."""
    book = Book()
    book.enter("anne", moment=at(0, NIGHTLY))
    book.nobody_passes("gym", Way.ENTRY, at(0, NIGHTLY))
    assert book.count(moment=at(4 * HOUR_MS - 1_000, NIGHTLY)) == 2
    assert book.count(moment=at(4 * HOUR_MS, NIGHTLY)) == 0
    assert book.presence(way_of("anne"), at(5 * HOUR_MS, NIGHTLY)) == Presence("gym", LATER_MS)
    book.leave("anne", moment=at(5 * HOUR_MS, NIGHTLY))
    assert book.count(moment=at(5 * HOUR_MS, NIGHTLY)) == 0


def test_a_change_of_rules_is_seen_at_once() -> None:
    """A reset hour that the feed brings holds for the next question."""
    book = Book()
    book.enter("anne")
    late = 5 * HOUR_MS
    assert book.count(moment=at(late)) == 1
    assert book.count(moment=at(late, NIGHTLY)) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest unseen is forgotten, here and in the file."""
    monkeypatch.setattr(presence_book, "MEMBERS_MAX", 2)
    book = Book()
    for member in ("anne", "bea", "anne", "carl"):
        book.enter(member)
    assert book.inside("gym", at()) == {"anne", "carl"} and book.zone_of("bea") is None
    assert book.take_changes().members["bea"] is None


def test_a_book_made_of_what_was_kept_is_the_same_book() -> None:
    """Changes taken one by one, or everything at once, make it again; what was taken is not told twice."""
    book, kept, nobodies = Book(), dict[str, Any](), dict[str, Any]()
    steps: list[Callable[[], None]] = [
        lambda: book.enter("anne"),
        lambda: book.enter("bea", "pool"),
        lambda: book.nobody_passes("gym", Way.ENTRY, at()),
        lambda: book.leave("anne"),
    ]
    for step in steps:
        step()
        changes = book.take_changes()
        kept.update(changes.members)
        nobodies.update(changes.nobodies)
    assert not book.take_changes()
    again = Book(members=kept.items(), nobodies=nobodies)
    everything = book.everything()
    assert again.counts(at()) == book.counts(at()) == {"gym": 2, "pool": 1}
    assert (everything.members, everything.nobodies, everything.began_ms) == (kept, nobodies, START_MS)


def test_forgetting_leaves_nothing() -> None:
    """Neither in memory nor in the file; and the book begins to watch anew."""
    book = Book()
    book.enter("anne")
    book.nobody_passes("gym", Way.ENTRY, at())
    book.take_changes()
    book.forget()
    changes = book.take_changes()
    assert (changes.members, changes.nobodies, changes.began_ms) == ({"anne": None}, {"gym": None}, None)
    assert book.empty and book.presence(way_of("anne"), at()) is None and book.count() == 0


MOVES = st.lists(
    st.tuples(st.sampled_from(["anne", "bea", None]), st.sampled_from(["gym", "pool"]), st.sampled_from(list(Way))),
    max_size=40,
)


@given(MOVES)
def test_counts_are_true_where_every_passage_is_seen_with_its_member(
    moves: list[tuple[str | None, str, Way]],
) -> None:
    """Members who only do what is possible: the count is the number of them who are there."""
    book, where = Book(), dict[str, str | None]()
    for member, zone, way in moves:
        start, end = ("gym" if zone == "pool" else None, zone)
        if way is Way.EXIT:
            start, end = end, start
        if member is None or where.get(member) != start:
            continue
        where[member] = end
        book.passes(way_of(member, zone, way), at())
        inside = [zone for zone in where.values() if zone]
        assert (book.count("gym"), book.count("pool")) == (len(inside), inside.count("pool"))


@given(MOVES)
def test_counts_heal_from_anything(moves: list[tuple[str | None, str, Way]]) -> None:
    """Whatever was seen or not seen: no count is below none, and after the reset hour they are right again."""
    book = Book()
    for member, zone, way in moves:
        if member is None:
            book.nobody_passes(zone, way, at(0, NIGHTLY))
        else:
            book.passes(way_of(member, zone, way), at(0, NIGHTLY))
        assert book.count("gym") >= 0 and book.count("pool") >= 0
    morning = at(4 * HOUR_MS, NIGHTLY)
    book.enter("carl", moment=morning)
    assert (book.count("gym", morning), book.count("pool", morning)) == (1, 0)


@given(st.lists(st.tuples(st.sampled_from(["anne", "bea", "carl"]), st.booleans(), st.booleans()), max_size=40))
def test_counts_stay_true_while_some_go_out_as_nobodies(moves: list[tuple[str, bool, bool]]) -> None:
    """Members in and out of the gym, by card or, where the lane sees it and no card is shown, as nobody: always right.

    They are whole again as soon as the member is seen by card; this is what healing is for.
    """
    book, inside, as_nobody = Book(), set[str](), set[str]()
    for member, enters, by_card in moves:
        if enters == (member in inside) or (member in as_nobody and not by_card):
            continue
        (inside.add if enters else inside.discard)(member)
        if by_card:
            (book.enter if enters else book.leave)(member)
            as_nobody.discard(member)
        else:
            book.nobody_passes("gym", Way.ENTRY if enters else Way.EXIT, at())
            as_nobody.add(member)
        assert book.count() == len(inside), (member, enters, by_card)


def test_while_a_door_stands_free_nobody_knows_who_is_where() -> None:
    """Nor afterwards of anybody who could have used it, until they are seen; of whoever is seen then, one knows."""
    book = Book()
    book.enter("anne")
    book.enter("bea", "pool")
    book.door_stands("gate", "gym", free=True, moment=at(1))
    assert [book.presence(way_of(who), at(2)) for who in ("anne", "bea", "carl")] == [None] * 3
    book.enter("anne", moment=at(3))
    assert book.presence(way_of("anne"), at(4)) is None
    book.door_stands("gate", "gym", free=False, moment=at(5))
    assert [book.presence(way_of(who), at(6)) for who in ("anne", "bea", "carl")] == [None] * 3
    book.enter("bea", moment=at(6))
    assert book.presence(way_of("bea"), at(7)) == Presence("gym", LATER_MS + 6)


def test_a_zone_is_in_doubt_until_its_last_door_is_locked() -> None:
    """One of two doors is secured: people still come and go by the other. Other zones are in no doubt."""
    book = Book()
    for door in ("front", "back"):
        book.door_stands(door, "gym", free=True, moment=at(1))
    book.door_stands("front", "gym", free=False, moment=at(2))
    book.enter("anne", moment=at(3))
    book.enter("zoe", "spa", moment=at(0))
    assert book.presence(way_of("anne"), at(4)) is None
    assert book.presence(way_of("zoe", "spa"), at(4)) == Presence("spa", LATER_MS)
    assert book.presence(way_of("zoe"), at(4)) is None


def test_a_day_after_the_doubt_whoever_was_outside_is() -> None:
    """Nobody stays inside for a day without passing; whoever was inside may be anywhere, until they are seen."""
    book = Book()
    book.leave("anne")
    book.enter("bea")
    book.door_stands("gate", "gym", free=False, moment=at(5))
    day_after = at(5 + WATCHED_MS)
    assert book.presence(way_of("anne"), at(4 + WATCHED_MS)) is None
    assert book.presence(way_of("anne"), day_after) == Presence(None, LATER_MS)
    assert book.presence(way_of("carl"), day_after) == Presence(None, START_MS)
    assert book.presence(way_of("bea"), day_after) is None


def test_doubt_is_kept_and_forgotten_with_the_rest() -> None:
    """A restart makes nobody sure; what stands free then is told anew."""
    book = Book()
    book.enter("anne")
    book.door_stands("gate", "gym", free=True, moment=at(5))
    changes = book.take_changes()
    assert changes.doubts == {"gym": LATER_MS + 5} and changes
    again = Book(members=book.everything().members.items(), doubts=changes.doubts)
    assert again.presence(way_of("anne"), at(6)) is None
    again.enter("anne", moment=at(7))
    assert again.presence(way_of("anne"), at(8)) == Presence("gym", LATER_MS + 7)
    book.forget()
    assert book.take_changes().doubts == {"gym": None} and book.empty
