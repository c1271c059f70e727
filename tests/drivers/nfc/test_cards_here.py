"""What looks at a field mean: which card is new, which still lies there, which are too many."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.nfc.cards_here import RANDOM_GONE_NS, CardsHere
from portillon_drivers.nfc.seen_card import SeenCard
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_rules.credential import Credential, CredentialKind

MS = 1_000_000
A = SeenCard(CredentialKind.NFCA, bytes.fromhex("04DE5F1EACC040"))
B = SeenCard(CredentialKind.NFCA, bytes.fromhex("01A2B3C4"))
C = SeenCard(CredentialKind.NFCB, bytes.fromhex("01A2B3C4"))


def hidden(number: int) -> SeenCard:
    return SeenCard(CredentialKind.NFCA, bytes([0x08]) + number.to_bytes(3), sak=0x20)


def stage(*looks: list[SeenCard], every_ms: int = 100, hold_off_ms: int = 3_000) -> list[SeenCard | str | None]:
    here = CardsHere(hold_off_ms * MS)
    verdicts = (here.judge(seen, number * every_ms * MS) for number, seen in enumerate(looks))
    return [verdict.kind.value if isinstance(verdict, FrameFault) else verdict for verdict in verdicts]


def test_a_card_left_there_is_one_badge() -> None:
    """Told once, however long it lies; told again only after it was away for the hold-off."""
    assert stage(*[[A]] * 100) == [A] + [None] * 99
    assert stage([A], *[[]] * 28, [A]) == [A] + [None] * 29
    assert stage([A], *[[]] * 29, [A])[-1] == A
    assert stage(*[[A]] * 50, *[[]] * 28, [A])[-1] is None


def test_cards_that_follow_each_other_are_each_told() -> None:
    """One after the other, with or without an empty look between, and the first again within its hold-off is not."""
    assert stage([A], [B], [A], [C]) == [A, B, None, C]


def test_equal_numbers_of_two_families_are_two_cards() -> None:
    """A type B card is not held off by a type A card of the same number."""
    assert stage([B], [C]) == [B, C]


def test_several_at_once_are_told_once_and_none_is_read() -> None:
    """Two cards are one collision while they lie there, whichever of them was there first."""
    assert stage([A, B], [A, B], [A, B]) == ["collision", None, None]
    assert stage([A], [A, B], [A, B], [A]) == [A, "collision", None, None]


def test_after_several_the_first_look_does_not_count() -> None:
    """Two cards that leave one shortly before the other are no badge; one that stays is read."""
    assert stage([A, B], [A], []) == ["collision", None, None]
    assert stage([A, B], [A], [A]) == ["collision", None, A]


def test_a_torn_card_may_come_back_at_once() -> None:
    """What could not be read is not held off."""
    here = CardsHere(3_000 * MS)
    assert here.judge([A], 0) == A
    here.forget(A)
    assert here.judge([A], 50 * MS) == A


def test_a_refused_card_is_refused_once() -> None:
    """A card that proved nothing is not asked again while it lies there."""
    here = CardsHere(3_000 * MS)
    assert here.judge([A], 0) == A
    assert not here.settle(A, None, 10 * MS)
    assert here.judge([A], 50 * MS) is None


def test_a_random_number_is_one_card_while_it_lies_there() -> None:
    """Another number at each look is the same card; once proven it is held off under its proof."""
    here, proof = CardsHere(3_000 * MS), Credential(CredentialKind.NTAG424, "04DE5F1EACC040")
    assert here.judge([hidden(1)], 0) == hidden(1)
    assert here.settle(hidden(1), proof, 100 * MS)
    assert [here.judge([hidden(n)], n * 100 * MS) for n in range(2, 50)] == [None] * 48
    back_ns = 4_900 * MS + RANDOM_GONE_NS
    assert here.judge([hidden(60)], back_ns) == hidden(60)
    assert not here.settle(hidden(60), proof, back_ns)


def test_another_random_card_does_not_keep_the_first_one_held_off() -> None:
    """Whoever holds a phone there does not lengthen the hold-off of the card before."""
    here, proof = CardsHere(3_000 * MS), Credential(CredentialKind.NTAG424, "04DE5F1EACC040")
    here.judge([hidden(1)], 0)
    here.settle(hidden(1), proof, 0)
    for n in range(5, 30):
        here.judge([hidden(n)], n * 100 * MS)
        here.settle(hidden(n), None, n * 100 * MS)
    assert here.judge([hidden(40)], 4_000 * MS) == hidden(40)
    assert here.settle(hidden(40), proof, 4_000 * MS)


def test_hold_off_of_zero_tells_every_look() -> None:
    """As at every other reader: whoever sets it so is told each reading."""
    assert stage([A], [A], hold_off_ms=0) == [A, A]


cards = st.sampled_from([A, B, C, hidden(1), hidden(2)])
looks = st.lists(st.tuples(st.integers(0, 5_000), st.lists(cards, max_size=3, unique=True)), max_size=60)


@given(looks=looks)
def test_never_a_card_that_was_not_alone_and_never_a_repeat(looks: list[tuple[int, list[SeenCard]]]) -> None:
    """In any history: a card is read only from a look that saw it alone, and never twice within the hold-off."""
    here, now_ns, last_ns = CardsHere(3_000 * MS), 0, dict[bytes, int]()
    for pause_ms, seen in looks:
        now_ns += pause_ms * MS
        verdict = here.judge(seen, now_ns)
        if isinstance(verdict, SeenCard):
            assert seen == [verdict]
            key = verdict.kind.encode() + verdict.uid
            assert verdict.is_random or now_ns - last_ns.get(key, -4_000 * MS) >= 3_000 * MS
        elif verdict is not None:
            assert verdict.kind is ReaderFaultKind.COLLISION and len(seen) > 1
        for card in seen:
            if len(seen) == 1 and (verdict == card or card.kind.encode() + card.uid in last_ns):
                last_ns[card.kind.encode() + card.uid] = now_ns
    assert len(here._seen_ns) <= 7
