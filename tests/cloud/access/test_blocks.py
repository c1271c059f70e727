"""Blocks overlap; a switch is off while any of them says so."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.access.blocks import SWITCHES_OF, Block, BlockReason, Switch, reasons_off, switched_off


def block(reason: BlockReason, from_ms: int = 0, until_ms: int | None = None) -> Block:
    return Block(reason=reason, source="test", from_ms=from_ms, until_ms=until_ms, switches=SWITCHES_OF[reason])


def test_half_open() -> None:
    """A block holds from its first instant until just before its last."""
    blocks = [block(BlockReason.FROZEN, 10, 20)]
    assert [bool(switched_off(blocks, at)) for at in (9, 10, 19, 20)] == [False, True, True, False]


def test_ending_one_never_lifts_another() -> None:
    """Paying does not lift a ban, and unfreezing does not pay."""
    dues, banned = block(BlockReason.DUES_UNPAID), block(BlockReason.BANNED)
    assert Switch.ACCESS in switched_off([banned], 5)
    assert Switch.ACCESS in switched_off([dues], 5)
    assert reasons_off([dues, banned], Switch.ACCESS, 5) == {BlockReason.DUES_UNPAID, BlockReason.BANNED}


def test_chargeback_holds_collection_too() -> None:
    """A disputed card is not charged again (billing.md §3.58); arrears alone go on being collected."""
    assert Switch.COLLECTION in switched_off([block(BlockReason.CHARGEBACK)], 0)
    assert Switch.COLLECTION not in switched_off([block(BlockReason.DUES_UNPAID)], 0)


blocks = st.builds(block, st.sampled_from(BlockReason), st.integers(0, 50), st.none() | st.integers(0, 60))


@given(st.lists(blocks, max_size=6), blocks, st.integers(0, 70))
def test_a_block_only_ever_switches_off(others: list[Block], one: Block, at_ms: int) -> None:
    """Adding a block switches nothing on; removing it leaves what the others hold."""
    assert switched_off(others, at_ms) <= switched_off([*others, one], at_ms)
    assert switched_off([*others, one], at_ms) == switched_off(others, at_ms) | switched_off([one], at_ms)
