"""Modbus RTU: the specification's own bytes, and whatever a bad line makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.inputs.modbus_inputs_simulator import ModbusBoardSimulator
from portillon_drivers.inputs.modbus_rtu import ModbusError, answer_bytes, crc16, parse_answer, request


def test_check_value_of_the_crc() -> None:
    """CRC-16/MODBUS of "123456789" is 4B37, low byte first on the line."""
    assert crc16(b"123456789") == bytes.fromhex("374B")


def test_specification_example() -> None:
    """Application Protocol V1.1b3 §6.2: inputs 197 to 218 are asked by 00C4 0016 and answered by AC DB 35."""
    assert request(1, 0x00C4, 0x0016)[:-2] == bytes.fromhex("010200C40016")
    body = bytes.fromhex("010203ACDB35")
    states = parse_answer(body + crc16(body), 1, 22)
    assert states[:8] == (False, False, True, True, False, True, False, True)
    assert states[16:] == (True, False, True, False, True, True)


@given(closed=st.sets(st.integers(1, 16)), first=st.integers(1, 16), data=st.data())
def test_simulated_board_answers_what_was_asked(closed: set[int], first: int, data: st.DataObject) -> None:
    """The states of exactly the asked channels come back, in order, however the request is split."""
    board = ModbusBoardSimulator(7, 16)
    for channel in closed:
        board.set_closed(channel, True)
    count = data.draw(st.integers(1, 17 - first))
    asked = request(7, first - 1, count)
    cut = data.draw(st.integers(0, len(asked)))
    answer = board.receive(asked[:cut]) + board.receive(asked[cut:])
    assert len(answer) == answer_bytes(count)
    assert parse_answer(answer, 7, count) == tuple(channel in closed for channel in range(first, first + count))


def test_board_resynchronises_after_junk_and_ignores_other_addresses() -> None:
    """Junk before a request hides nothing, and a request to another board is not answered."""
    board = ModbusBoardSimulator(7, 8)
    assert board.receive(request(8, 0, 1)) == b""
    assert parse_answer(board.receive(b"\x07\x02\xff" + request(7, 0, 1)), 7, 1) == (False,)


@given(position=st.integers(0, 5), bit=st.integers(0, 7))
def test_no_flipped_bit_is_believed(position: int, bit: int) -> None:
    """An answer with one wrong bit anywhere is refused."""
    answer = bytearray(ModbusBoardSimulator(7, 8).receive(request(7, 0, 8)))
    answer[position] ^= 1 << bit
    with pytest.raises(ModbusError):
        parse_answer(bytes(answer), 7, 8)


def test_messages_say_what_is_wrong() -> None:
    """Silence, a refusal, a short answer and another board's answer are told apart."""
    board = ModbusBoardSimulator(7, 8)
    for answer, words in [
        (b"", "does not answer"),
        (board.receive(request(7, 0, 9)), "has it so many inputs"),
        (board.receive(request(7, 0, 8))[:4], "4 bytes of 6"),
        (ModbusBoardSimulator(8, 8).receive(request(8, 0, 8)), "another request"),
    ]:
        with pytest.raises(ModbusError, match=words):
            parse_answer(answer, 7, 8)
