"""The LCUS board's bytes, and its simulator that latches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.outputs.lcus_relay import command
from portillon_drivers.outputs.lcus_relay_simulator import CoilCommanded, LcusBoardSimulator


@pytest.mark.parametrize(
    ("channel", "energised", "expected"),
    [
        (1, True, "A00101A2"),
        (1, False, "A00100A1"),
        (2, True, "A00201A3"),
        (2, False, "A00200A2"),
        (8, True, "A00801A9"),
    ],
)
def test_published_commands(channel: int, energised: bool, expected: str) -> None:
    """The four bytes are those of the boards' instruction sheet."""
    assert command(channel, energised=energised) == bytes.fromhex(expected)


@given(prefix=st.binary(max_size=12), cut=st.integers(0, 4))
def test_board_finds_a_command_after_junk(prefix: bytes, cut: int) -> None:
    """Junk and any split before a command do not hide it: repeated, it arrives."""
    board = LcusBoardSimulator(2)
    sent = prefix + command(1, energised=True) * 2
    for piece in (sent[: len(prefix) + cut], sent[len(prefix) + cut :]):
        list(board.receive(piece))
    assert board.energised(1)


def test_board_refuses_a_wrong_sum_and_an_unknown_channel() -> None:
    """Bytes that are no command switch nothing and are counted."""
    board = LcusBoardSimulator(2)
    assert list(board.receive(bytes.fromhex("A00101A3") + command(3, energised=True))) == []
    assert not board.energised(1)
    assert board.refused_bytes == 5  # the last three bytes may still begin a command


def test_board_latches_until_its_power_goes() -> None:
    """Nothing but a command or a loss of power changes a relay."""
    board = LcusBoardSimulator(2)
    assert list(board.receive(command(1, energised=True))) == [CoilCommanded(1, True, changed=True)]
    assert list(board.receive(command(1, energised=True))) == [CoilCommanded(1, True, changed=False)]
    assert board.energised(1)
    board.lose_power()
    assert not board.energised(1)
