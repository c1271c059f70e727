"""A PN532 as its host sees it on the serial line (NXP UM0701-02): frames in, frames out, and a field with cards. Pure.

It starts as the chip does: asleep, at 115200 Bd and in its low-battery mode, where it does nothing with its field.
Not modelled: time (an unanswered card is told at once), P2P, being a card, InDataExchange, what nfcpy never asks.
"""

from collections.abc import Callable, Iterator, Mapping

from portillon_drivers.nfc.host_frame import CHIP_TO_HOST, HOST_TO_CHIP, SYNTAX_ERROR, FrameFinder, Mark, frame
from portillon_drivers.nfc.simulated_field import CardInField, SimulatedField

FIRMWARE = bytes.fromhex("32010607")
"""PN532, version 1.6, ISO 18092, 14443 A and B."""
BAUD_AT_RESET = 115_200
BAUDS = (9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600, 1_288_000)
WAKE_EDGES = 5
"""Rising edges on its line until it wakes (§7.2.11); each byte has one at least."""
TX_CONTROL, RX_MODE, TX_MODE, FIFO_DATA = 0x6304, 0x6303, 0x6302, 0x6339
SENS_REQ = 0x26
TIMED_OUT, CRC_ERROR = b"\x01", b"\x02"
CRC_ENABLED = 0x80
NORMAL_MODE = 1
TYPE_A, TYPE_F_212, TYPE_F_424, TYPE_B, JEWEL = range(5)
MODES = {TYPE_A: 0x80, TYPE_F_212: 0x92, TYPE_F_424: 0xA2, TYPE_B: 0x83, JEWEL: 0x80}
ATTRIB_ANSWER = b"\x01\x01"
"""Length and body: the card took the chip's ATTRIB with card identifier 1."""


def crc_a(data: bytes) -> bytes:
    """CRC_A of ISO/IEC 14443-3 annex B, low byte first."""
    crc = 0x6363
    for byte in data:
        for bit in range(8):
            carry = (crc ^ (byte >> bit)) & 1
            crc = crc >> 1 ^ (0x8408 if carry else 0)
    return crc.to_bytes(2, "little")


class SimulatedChip:
    """One PN532. `hung` makes it deaf and mute until `reset`."""

    def __init__(self) -> None:
        self.field = SimulatedField()
        self.looks = 0
        """How often the host has switched the field off: the end of each of its looks."""
        self.reset()

    def reset(self) -> None:
        """Power on, or a pulse on RSTPD_N."""
        self.hung = False
        self.baud = BAUD_AT_RESET
        self.field.switch(False)
        self._next_baud: int | None = None
        self._edges: int | None = 0
        self._normal_mode = False
        self._registers = {TX_MODE: 0, RX_MODE: 0}
        self._fifo = 0
        self._finder = FrameFinder()
        self._last = b""

    def receive(self, data: bytes, baud: int) -> Iterator[bytes]:
        """Bytes that the host sent at that speed; what the chip sends, frame by frame."""
        if baud == self._next_baud:
            # The host's ACK, after which the chip changes over, may have been lost in the host's own flush.
            self.baud, self._next_baud = baud, None
        if self.hung or baud != self.baud:
            return
        for found in self._finder.feed(self._awake_part(data)):
            yield from self._mark(found) if isinstance(found, Mark) else self._command(found)

    def _awake_part(self, data: bytes) -> bytes:
        if self._edges is None:
            return data
        for at, byte in enumerate(data):
            self._edges += f"1{byte:08b}0".count("10")  # stop bit, data, start bit: read from the right, as sent
            if self._edges >= WAKE_EDGES:
                self._edges = None
                return data[at + 1 :]
        return b""

    def _mark(self, mark: Mark) -> Iterator[bytes]:
        if mark is Mark.NACK:
            yield self._last
        elif self._next_baud is not None:
            self.baud, self._next_baud = self._next_baud, None

    def _command(self, contents: bytes) -> Iterator[bytes]:
        if contents[0] != HOST_TO_CHIP:
            return
        yield Mark.ACK.value
        answer = self._answer(contents[1], contents[2:]) if len(contents) > 1 else None
        if answer is None:
            self._last = SYNTAX_ERROR
        else:
            self._last = frame(bytes([CHIP_TO_HOST, contents[1] + 1]) + answer)
        yield self._last

    def _answer(self, code: int, data: bytes) -> bytes | None:
        if code in _RADIO and not self._normal_mode:
            return None
        command = COMMANDS.get(code)
        return None if command is None else command(self, data)

    def _diagnose(self, data: bytes) -> bytes | None:
        return data if data[:1] == b"\x00" else None

    def _get_firmware_version(self, data: bytes) -> bytes:
        return FIRMWARE

    def _sam_configuration(self, data: bytes) -> bytes | None:
        self._normal_mode = data[:1] == bytes([NORMAL_MODE])
        return b"" if self._normal_mode else None

    def _set_serial_baudrate(self, data: bytes) -> bytes | None:
        if len(data) != 1 or data[0] >= len(BAUDS):
            return None
        self._next_baud = BAUDS[data[0]]
        return b""

    def _set_parameters(self, data: bytes) -> bytes | None:
        return b"" if len(data) == 1 else None

    def _power_down(self, data: bytes) -> bytes:
        self.field.switch(False)
        self._edges = 0
        return b"\x00"

    def _rf_configuration(self, data: bytes) -> bytes | None:
        if len(data) < 2:
            return None
        if data[0] == 0x01:
            on = bool(data[1] & 1)
            self.looks += not on
            self.field.switch(on)
        return b""

    def _read_register(self, data: bytes) -> bytes | None:
        if not data or len(data) % 2:
            return None
        return bytes(self._register(int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data), 2))

    def _register(self, address: int) -> int:
        if address == TX_CONTROL:
            return 0x80 | (0x03 if self.field.on else 0)
        return self._fifo if address == FIFO_DATA else self._registers.get(address, 0)

    def _write_register(self, data: bytes) -> bytes | None:
        if not data or len(data) % 3:
            return None
        for at in range(0, len(data), 3):
            address = int.from_bytes(data[at : at + 2], "big")
            if address in self._registers:
                self._registers[address] = data[at + 2]
        return b""

    def _in_list_passive_target(self, data: bytes) -> bytes | None:
        if len(data) < 2 or not 1 <= data[0] <= 2 or data[1] not in MODES:
            return None
        self.field.switch(True)
        self._registers[TX_MODE] = self._registers[RX_MODE] = MODES[data[1]]
        self._fifo = SENS_REQ
        if data[1] == TYPE_A:
            found = self._search_a(data[0], data[2:])
        elif data[1] == TYPE_B:
            found = self._search_b(data[2:])
        else:
            found = [] if data[1] == JEWEL else self._search_f(data[2:])
        return bytes([len(found)]) + b"".join(bytes([number]) + one for number, one in enumerate(found, start=1))

    def _search_a(self, most: int, name: bytes) -> list[bytes]:
        heard = self.field.answering("nfca") or self.field.answering("nfca")  # it tries twice, as nfcpy configures it
        if heard:
            self._fifo = 0
        uid = bytes(byte for at, byte in enumerate(name) if not (byte == 0x88 and at in (0, 4)))
        found = [here for here in heard if not name or here.card.uid == uid][:most]
        for here in found:
            here.activate()
        for here in found[:-1]:
            here.hear(b"\x50\x00")  # the chip halts the first before it looks for the second
        return [_target_a(here) for here in found]

    def _search_b(self, data: bytes) -> list[bytes]:
        found = [(here, here.card.raw(b"\x05" + data[:1] + b"\x00")) for here in self.field.answering("nfcb")]
        for here, atqb in found:
            if atqb is not None:
                here.activate()
                here.attribute()
                return [atqb + ATTRIB_ANSWER]
        return []

    def _search_f(self, data: bytes) -> list[bytes]:
        answers = [here.card.raw(data) for here in self.field.answering("felica")]
        heard = [answer for answer in answers if answer is not None]
        if len(heard) != 1 or data[4:5] != b"\x00":
            return []  # several answers in the one time slot spoil each other
        return [bytes([len(heard[0]) + 1]) + heard[0]]

    def _in_communicate_thru(self, data: bytes) -> bytes:
        if not self.field.on or not self._registers[TX_MODE] & CRC_ENABLED:
            return TIMED_OUT
        answers = self.field.hear(data)
        if len(answers) != 1:
            return CRC_ERROR if answers else TIMED_OUT
        [answer] = answers
        # With the check switched off the host gets the CRC too; a 4-bit ACK or NAK has none.
        bare = bool(self._registers[RX_MODE] & CRC_ENABLED) or len(answer) == 1
        return b"\x00" + (answer if bare else answer + crc_a(answer))


def _target_a(here: CardInField) -> bytes:
    card = here.card
    return card.atqa[::-1] + bytes([card.sak, len(card.uid)]) + card.uid


COMMANDS: Mapping[int, Callable[[SimulatedChip, bytes], bytes | None]] = {
    0x00: SimulatedChip._diagnose,
    0x02: SimulatedChip._get_firmware_version,
    0x06: SimulatedChip._read_register,
    0x08: SimulatedChip._write_register,
    0x10: SimulatedChip._set_serial_baudrate,
    0x12: SimulatedChip._set_parameters,
    0x14: SimulatedChip._sam_configuration,
    0x16: SimulatedChip._power_down,
    0x32: SimulatedChip._rf_configuration,
    0x42: SimulatedChip._in_communicate_thru,
    0x4A: SimulatedChip._in_list_passive_target,
}
"""By code, each with what stands behind it; None is answered with a syntax error."""
_RADIO = frozenset({0x32, 0x42, 0x4A})
