"""Any keys in any rhythm: bounded, silent about themselves, and over in the end."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import Key
from portillon_drivers.options import PinUse
from portillon_edge.credentials.heard import PinEntered, Presented
from portillon_edge.credentials.pin_entry import DIGITS_KEPT, PinEntry
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_rules.credential import Credential

CARD = Credential.parse("em4100:0F0027A46B")
TIMEOUT_NS = 10_000_000_000


def card(at_ns: int) -> Presented:
    return Presented(reader="r", credential=CARD, card=CARD, at_ns=at_ns, read_ns=at_ns)


moves = st.lists(
    st.tuples(st.sampled_from([*Key, None]), st.integers(0, TIMEOUT_NS + 1)), max_size=60
)  # None: the card is held to the reader


@given(use=st.sampled_from(PinUse), moves=moves)
def test_any_keys_are_bounded_and_come_to_an_end(use: PinUse, moves: list[tuple[Key | None, int]]) -> None:
    """Digits kept stay few, each wait for a card's PIN ends as exactly one thing, and nothing is left over."""
    entry, now, waits, ends = PinEntry("r", ReaderRules(pin=use)), 0, 0, 0
    for key, wait_ns in moves:
        now += wait_ns
        ended = entry.elapse(now)
        waiting = waits > ends + len([one for one in ended if one.card])  # type: ignore[union-attr]
        if key is None:
            waits += not waiting  # the same card again is the same wait
            ended += entry.wait_for(card(now))
        else:
            ended += entry.press(key, now)
        assert len(ended) <= 2
        assert all(0 < len(one.digits) <= DIGITS_KEPT for one in ended if isinstance(one, PinEntered))
        ends += len([one for one in ended if one.card])  # type: ignore[union-attr]
        assert waits - ends in (0, 1)
        assert entry.deadline_ns is None or entry.deadline_ns <= now + TIMEOUT_NS
    ends += len([one for one in entry.elapse(now + TIMEOUT_NS) if one.card])  # type: ignore[union-attr]
    assert entry.deadline_ns is None and ends == waits


@given(digits=st.text("0123456789", min_size=4, max_size=10))
def test_digits_are_in_no_repr(digits: str) -> None:
    """Whatever is logged of an entry tells nothing that was typed."""
    entry = PinEntry("reader", ReaderRules(pin=PinUse.ALONE))
    for digit in digits:
        entry.press(Key(digit), 5)
    assert digits not in repr(entry)
    (entered,) = entry.press(Key.HASH, 5)
    assert isinstance(entered, PinEntered) and entered.digits == digits
    assert digits not in repr(entered) and digits not in str(entered)
