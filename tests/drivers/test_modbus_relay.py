"""Modbus relay boards: the frames, the answers that are checked, and a board that must not hold up the others."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.inputs.modbus_rtu import crc16
from portillon_drivers.options import Wiring
from portillon_drivers.outputs import modbus_relay_line
from portillon_drivers.outputs.modbus_relay import ModbusRelay, ModbusRelayOptions, build, flash_units
from portillon_drivers.outputs.modbus_relay_simulator import ModbusRelayBoardSimulator

SECOND_NS = 1_000_000_000
DEFAULTS = {
    "type": "modbus_relay",
    "path": Path("bus"),
    "address": 1,
    "max_on_ms": 3_000,
    "wiring": Wiring.ENERGISE_TO_RELEASE,
}


class Line:
    """Takes the serial port's place: boards at its far end answer in no time; hours pass when told to."""

    def __init__(self, *boards: ModbusRelayBoardSimulator) -> None:
        self.boards = boards
        self.now_ns = 0
        self.is_open = False
        self.sent: list[bytes] = []
        self.garble: Any = None
        self._answers = b""

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def discard_input(self) -> None:
        self._answers = b""

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        answers = b"".join(board.receive(data, self.now_ns) for board in self.boards)
        self._answers += answers if self.garble is None else self.garble(answers)

    def read_some(self) -> bytes:
        first, self._answers = self._answers[:3], self._answers[3:]  # an adapter hands over a frame in pieces
        return first


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Builds relays of given sections on one line with given boards; returns line and relays."""

    def make(*sections: dict[str, Any], boards: list[ModbusRelayBoardSimulator]) -> tuple[Line, list[ModbusRelay]]:
        line = Line(*boards)
        monkeypatch.setattr(modbus_relay_line, "SerialPort", lambda *_, **__: line)
        options = [
            ModbusRelayOptions.model_validate({**DEFAULTS, "name": f"r{index}", **section})
            for index, section in enumerate(sections)
        ]
        return line, build(options, lambda: line.now_ns)  # type: ignore[return-value]

    return make


@pytest.mark.parametrize(
    ("channel", "at_most_ms", "releasing", "expected"),
    [
        (1, None, True, "01050000FF008C3A"),
        (1, None, False, "010500000000CDCA"),
        (2, None, True, "01050001FF00DDFA"),
        (1, 600, True, "0105020000078DB0"),
        (2, 700, True, "0105020100089C74"),
    ],
)
def test_published_commands(bench: Any, channel: int, at_most_ms: int | None, releasing: bool, expected: str) -> None:
    """The frames are those of the boards' manual: relays on, off, on for 700 ms and for 800 ms."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=True)
    line, (relay,) = bench({"channel": channel, "flash": True}, boards=[board])
    relay.open()
    relay.set(releasing, at_most_ms)
    assert line.sent == [bytes.fromhex(expected)]
    assert board.energised(channel, 0) is releasing


def test_board_that_times_by_itself_ends_what_the_guard_did_not(bench: Any) -> None:
    """With the guard dead, the board locks within 200 ms after the time it was given, in either wiring."""
    for wiring in Wiring:
        board = ModbusRelayBoardSimulator(1, 8, flashes=True)
        _, (relay,) = bench({"channel": 3, "flash": True, "wiring": wiring}, boards=[board])
        relay.open()
        relay.set(True, at_most_ms=500)
        released = wiring is Wiring.ENERGISE_TO_RELEASE
        assert board.energised(3, 500_000_000) is released
        assert board.energised(3, 700_000_000) is not released


def test_ablation_latching_board_stays_as_it_was_told(bench: Any) -> None:
    """Without `flash` the same board stays released: only the guard's next start locks it."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=True)
    _, (relay,) = bench({"channel": 3}, boards=[board])
    relay.open()
    relay.set(True, at_most_ms=500)
    assert board.energised(3, 3_600 * SECOND_NS)


@given(st.integers(1, 4_000_000))
def test_board_is_given_a_little_more_than_the_guard(at_most_ms: int) -> None:
    """The board's own end is after the guard's and at most 200 ms after, up to what the frame can say (54 minutes)."""
    given_ms = flash_units(at_most_ms) * 100
    assert given_ms <= 3_276_700
    assert at_most_ms < given_ms <= at_most_ms + 200 or given_ms == 3_276_700


def test_standing_relays_of_a_board_are_confirmed_by_one_question(bench: Any) -> None:
    """Eight refreshes a second cost one exchange, and not eight that would fill the line."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=False)
    line, relays = bench(*({"channel": channel} for channel in range(1, 9)), boards=[board])
    for relay in relays:
        relay.open()
        relay.set(False)
    line.sent.clear()
    for _ in range(10):
        line.now_ns += SECOND_NS
        for relay in relays:
            relay.set(False)
    assert len(line.sent) == 10


def test_relay_that_changed_by_itself_is_put_right(bench: Any) -> None:
    """A brown-out that released a relay is found by the question and undone within two refreshes."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=False)
    line, relays = bench({"channel": 1}, {"channel": 2}, boards=[board])
    for relay in relays:
        relay.open()
        relay.set(False)
    board.disturb(2)
    for _ in range(2):
        line.now_ns += SECOND_NS
        for relay in relays:
            relay.set(False)
    assert not board.energised(2, line.now_ns)


def test_first_write_after_a_loss_is_not_spared(bench: Any) -> None:
    """What was confirmed before the line or the board was lost counts for nothing afterwards."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=False)
    _, (relay,) = bench({"channel": 1}, boards=[board])
    relay.open()
    relay.set(False)
    relay.close()
    board.disturb(1)
    relay.open()
    relay.set(False)
    assert not board.energised(1, 0)


def test_lost_answer_is_asked_for_once_more(bench: Any) -> None:
    """One garbled answer on a noisy line is no fault and locks no door late."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=False)
    line, (relay,) = bench({"channel": 1}, boards=[board])
    relay.open()
    noise = iter([lambda answer: answer[:-1] + b"!"])
    line.garble = lambda answer: next(noise, lambda whole: whole)(answer)
    relay.set(True)
    assert len(line.sent) == 2
    assert board.energised(1, 0)


def test_silent_board_does_not_hold_up_the_others(bench: Any) -> None:
    """A dead board costs two tries, then one a second, however many of its relays are meant; a live one is served."""
    alive = ModbusRelayBoardSimulator(1, 8, flashes=False)
    dead = [{"address": 2, "channel": channel} for channel in (1, 2, 3, 4)]
    line, (living, *others) = bench({"channel": 1}, *dead, boards=[alive])
    living.open()
    for relay in others:
        with pytest.raises(TransientDeviceError, match=r"relay board 2 on bus: it does not answer: check its power"):
            relay.set(False)
    assert len(line.sent) == 2
    living.set(True)
    assert alive.energised(1, 0)
    line.now_ns += SECOND_NS
    for relay in others:
        with pytest.raises(TransientDeviceError, match="does not answer"):
            relay.set(False)
    assert len(line.sent) == 4


def test_board_that_is_back_is_served(bench: Any) -> None:
    """A second after its silence it is asked again, and everything is written anew."""
    board = ModbusRelayBoardSimulator(2, 8, flashes=False)
    line, (relay,) = bench({"address": 2, "channel": 1}, boards=[])
    relay.open()
    with pytest.raises(TransientDeviceError):
        relay.set(False)
    board.disturb(1)
    line.boards = (board,)
    line.now_ns += SECOND_NS
    relay.set(False)
    assert not board.energised(1, line.now_ns)


def test_refusal_is_told_with_its_number(bench: Any) -> None:
    """A relay that the board has not is a fault that says so."""
    _, (relay,) = bench({"channel": 9}, boards=[ModbusRelayBoardSimulator(1, 8, flashes=False)])
    relay.open()
    with pytest.raises(TransientDeviceError, match="exception 2: has it that relay"):
        relay.set(False)


@pytest.mark.parametrize("answer", ["0105000100009C0A", "0105000000FF", "010100", "02050000FF00", "01050000FF00"])
def test_answer_to_another_command_is_no_answer(bench: Any, answer: str) -> None:
    """Another board's, another relay's, another state's or half an answer never passes for the one that was asked."""
    line, (relay,) = bench({"channel": 1}, boards=[])
    body = bytes.fromhex(answer)
    line.garble = lambda _: body if len(body) == 8 else body + crc16(body)
    relay.open()
    with pytest.raises(TransientDeviceError, match="relay board 1 on bus"):
        relay.set(False)


@given(st.binary(max_size=40))
def test_noise_is_never_an_answer(noise: bytes) -> None:
    """Whatever arrives instead of an answer is a passing failure, never another exception."""
    line = Line()
    options = ModbusRelayOptions.model_validate({**DEFAULTS, "name": "r", "channel": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modbus_relay_line, "SerialPort", lambda *_, **__: line)
        (relay,) = build([options], lambda: line.now_ns)
    line.garble = lambda _: noise
    with pytest.raises(TransientDeviceError):
        relay.set(True)


@given(prefix=st.binary(max_size=12), cut=st.integers(0, 16))
def test_simulated_board_finds_a_command_after_junk(prefix: bytes, cut: int) -> None:
    """Junk and any split before a command do not hide it: repeated, it arrives."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=False)
    sent = prefix + bytes.fromhex("01050000FF008C3A") * 2
    board.receive(sent[:cut], 0)
    board.receive(sent[cut:], 0)
    assert board.energised(1, 0)


def test_simulated_board_latches_until_its_power_goes() -> None:
    """Nothing but a command or a loss of power changes a relay."""
    board = ModbusRelayBoardSimulator(1, 8, flashes=False)
    board.receive(bytes.fromhex("01050000FF008C3A"), 0)
    assert board.energised(1, 3_600 * SECOND_NS)
    board.lose_power()
    assert not board.energised(1, 3_600 * SECOND_NS)
