"""What comes over the wires of readers and boards: any bytes are an event, a fault or silence."""

from contextlib import suppress

from portillon_drivers.inputs.modbus_rtu import READ_INPUT_REGISTERS, ModbusError, parse_answer, parse_registers
from portillon_drivers.readers.card_decoder import CardDecoder
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.stx_frames import CARD_DIGITS, StxFrames
from portillon_drivers.readers.two_equal_frames import TwoEqualFrames

MS = 1_000_000


def portions(data: bytes) -> list[bytes]:
    """The bytes as a line may bring them: the first byte says how finely they are cut."""
    size = 1 + data[0] % 16 if data else 1
    return [data[at : at + size] for at in range(1, len(data), size)]


def stx_frames(data: bytes) -> None:
    """125 kHz frames: a card has ten digits or is none."""
    decoder = CardDecoder(frames=StxFrames(b"\x03"), confirm=TwoEqualFrames(250 * MS), hold_off=HoldOff(3_000 * MS))
    for number, portion in enumerate(portions(data)):
        for found in decoder.feed(portion, number * 7 * MS):
            assert not isinstance(found, str) or (len(found) == CARD_DIGITS and int(found, 16) > 0)


def modbus_answer(data: bytes) -> None:
    """An input board's answer: its states or its measurements, or a ModbusError."""
    with suppress(ModbusError):
        assert len(parse_answer(data, 1, 8)) == 8
    with suppress(ModbusError):
        assert len(parse_registers(data, 1, 8, READ_INPUT_REGISTERS)) == 8
