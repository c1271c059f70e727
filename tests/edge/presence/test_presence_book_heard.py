"""What other gateways saw and counted, in the book: the later thing known holds, in whatever order it is heard."""

from edge.presence.test_presence_book import HOUR_MS, LATER_MS, NIGHTLY, Book, at, way_of
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.events import Way
from portillon_edge.presence.book import Nobodies
from portillon_rules.presence import Presence


def test_the_later_of_two_things_known_holds() -> None:
    """News of other gateways, in any order; at the same instant, what was seen here."""
    book = Book()
    book.enter("anne", moment=at(100))
    book.hears("anne", "gym", Way.EXIT, at_ms=LATER_MS + 99, moment=at(100))
    book.hears("anne", "gym", Way.EXIT, at_ms=LATER_MS + 100, moment=at(100))
    assert book.zone_of("anne") == "gym"
    book.hears("anne", "pool", Way.ENTRY, at_ms=LATER_MS + 101, moment=at(101))
    assert book.zone_of("anne") == "pool" and book.count("pool") == 1
    book.hears("anne", "pool", Way.EXIT, at_ms=LATER_MS + 102, moment=at(102))
    assert book.zone_of("anne") == "gym" and book.count("pool") == 0


def test_what_was_seen_before_the_clock_was_turned_back_yields() -> None:
    """A test organisation's clock went back by a day: what is heard now counts, though it is earlier."""
    book = Book()
    book.enter("anne", moment=at(24 * HOUR_MS))
    book.hears("anne", "gym", Way.EXIT, at_ms=LATER_MS + 100, moment=at(100))
    assert book.presence(way_of("anne"), at(100)) == Presence(None, LATER_MS + 100)


def test_what_other_gateways_counted_of_nobody_is_part_of_the_count() -> None:
    """In by card here, out by a lane that stands free at another gateway: the zone is empty, and heals once only."""
    book = Book()
    book.enter("anne")
    book.hears_of_nobodies([("gym", Nobodies(-1, LATER_MS + 1))])
    assert book.count() == 0 and book.counts(at(1)) == {"gym": 0}
    book.enter("anne", moment=at(2))
    assert book.count() == 1
    assert book.nobodies(at(3)) == {"gym": Nobodies(1, LATER_MS + 2)}
    book.hears_of_nobodies([("gym", Nobodies(-1, LATER_MS + 1)), ("pool", Nobodies(2, LATER_MS + 3))])
    assert book.counts(at(4)) == {"gym": 3, "pool": 2}


def test_what_other_gateways_counted_is_gone_at_the_reset_hour_too() -> None:
    """Nobody of yesterday stays counted because another gateway told of them."""
    book = Book()
    book.hears_of_nobodies([("gym", Nobodies(2, LATER_MS))])
    assert book.count(moment=at(4 * HOUR_MS - 1_000, NIGHTLY)) == 2
    assert book.count(moment=at(4 * HOUR_MS, NIGHTLY)) == 0


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["gym", "pool"]), st.booleans()), min_size=1, max_size=8
    ),
    st.data(),
)
def test_whoever_heard_all_knows_the_same(passages: list[tuple[str, str, bool]], data: st.DataObject) -> None:
    """Each passage is seen here or heard, in any order of hearing, as often as it comes: everybody is where they passed
    last."""
    book, seen_here = Book(), data.draw(st.sets(st.sampled_from(range(len(passages)))))
    told = [(ms, *passage) for ms, passage in enumerate(passages)]
    for ms, member, zone, into in told:
        if ms in seen_here:
            book.passes(way_of(member, zone, Way.ENTRY if into else Way.EXIT), at(ms))
    heard = [one for one in told if one[0] not in seen_here]
    for ms, member, zone, into in data.draw(st.permutations(heard + heard[: len(heard) // 2])):
        book.hears(member, zone, Way.ENTRY if into else Way.EXIT, at_ms=LATER_MS + ms, moment=at(100))
    around = {"gym": None, "pool": "gym"}
    last = {member: zone if into else around[zone] for _, member, zone, into in told}
    assert {member: book.zone_of(member) for member in last} == last
    assert book.count() == sum(zone is not None for zone in last.values())
