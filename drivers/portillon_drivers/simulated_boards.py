"""The relay and input boards of a configuration, simulated: each on the line that it shares, with the true bytes.

Terminals of OSDP readers are those of the simulated readers. GPIO pins are gpiozero's mock pins; those of outputs live
in the guard's process: what they do is seen in its events.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from portillon_drivers.far_end import FarEnd
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.inputs.gpio_input import GpioInputOptions
from portillon_drivers.inputs.mcp3008 import Mcp3008Options
from portillon_drivers.inputs.mcp3008_simulator import Mcp3008Simulator
from portillon_drivers.inputs.modbus_analog import ModbusAnalogOptions
from portillon_drivers.inputs.modbus_inputs import ModbusInputOptions
from portillon_drivers.inputs.modbus_inputs_simulator import OPEN_COUNTS, AnalogBoardSimulator, ModbusBoardSimulator
from portillon_drivers.inputs.supervised_loop import SupervisedOptions
from portillon_drivers.options import DeviceOptions, InputOptions, OutputOptions
from portillon_drivers.osdp.attached import TerminalOptions
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.outputs.lcus_relay import LcusRelayOptions
from portillon_drivers.outputs.lcus_relay_simulator import LcusBoardSimulator
from portillon_drivers.outputs.modbus_relay import ModbusRelayOptions
from portillon_drivers.outputs.modbus_relay_simulator import ModbusRelayBoardSimulator
from portillon_drivers.pty_line import PtyLine

RELAYS_MAX = 16
CHANNELS_MAX = 64


class SimulatedBoards:
    """All boards, plugged in at once."""

    def __init__(
        self,
        outputs: Sequence[OutputOptions],
        inputs: Sequence[InputOptions],
        folder: Path,
        electronics: Callable[[str], OsdpReaderSimulator] | None = None,
    ) -> None:
        """`electronics`: those of the OSDP reader of that name; needed where terminals of readers are configured."""
        self._electronics = electronics
        self._lines: dict[str, FarEnd] = {}
        self._chips: list[Mcp3008Simulator] = []
        self._contacts: dict[str, Callable[[bool], None]] = {}
        self._loops: dict[str, Callable[[float], None]] = {}
        self._coils: dict[str, Callable[[], bool]] = {}
        self._line_of: dict[str, FarEnd] = {}
        self._power: dict[str, Callable[[], None]] = {}
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self.inputs: dict[str, Mapping[str, Any]] = {}
        """By name: the keys of the section that lead its driver here."""
        for port, group in _by_port(outputs):
            self._relays(port, group, folder)
        for port, group in _by_port(inputs):
            self._contacts_of(port, group, folder)
        for options in inputs:
            self.set_active(options, False)
        for far_end in self._lines.values():
            far_end.plug()

    def set_active(self, options: InputOptions, active: bool) -> None:
        """Put the contact of that input into its active state or its other one; at first all are at rest."""
        self.set_closed(options.name, options.is_active(closed=True) is active)

    def set_closed(self, name: str, closed: bool) -> None:
        """Close or open the contact of that input."""
        self._contacts[name](closed)

    def spoil(self, name: str, ohm: float) -> None:
        """Let the loop of a supervised input measure so much: `inf` is cut, 0 short. Raises KeyError for any other."""
        self._loops[name](ohm)

    def energised(self, name: str) -> bool | None:
        """Whether the coil of that output carries current now; None: a pin, which the guard's process holds."""
        return self._coils[name]() if name in self._coils else None

    def plug(self, name: str, *, plugged: bool) -> None:
        """The board that has this output or input is there, or loses line and power."""
        line = self._line_of[name]
        (line.plug if plugged else line.unplug)()
        if not plugged and name in self._power:
            self._power[name]()

    def close(self) -> None:
        """Take all boards away."""
        for far_end in self._lines.values():
            far_end.close()
        for chip in self._chips:
            chip.close()

    def _relays(self, port: str, group: Sequence[DeviceOptions], folder: Path) -> None:
        changes: Mapping[str, Any] = {"pin_factory": "mock"}
        if terminals := [options for options in group if isinstance(options, TerminalOptions)]:
            self._coils |= {options.name: partial(self._terminal_on, options) for options in terminals}
            changes = {}
        elif lcus := [options for options in group if isinstance(options, LcusRelayOptions)]:
            changes = self._line(port, folder, self._lcus_board(lcus))
        elif modbus := [options for options in group if isinstance(options, ModbusRelayOptions)]:
            changes = self._line(port, folder, self._modbus_boards(modbus))
        if port in self._lines:
            self._line_of |= {options.name: self._lines[port] for options in group}
        self.outputs |= {options.name: changes for options in group}

    def _lcus_board(self, group: Sequence[LcusRelayOptions]) -> Callable[[bytes], bytes]:
        board = LcusBoardSimulator(channels=RELAYS_MAX)
        self._coils |= {options.name: partial(board.energised, options.channel) for options in group}
        self._power |= {options.name: board.lose_power for options in group}

        def receive(data: bytes) -> bytes:
            for _ in board.receive(data):
                pass
            return b""

        return receive

    def _modbus_boards(self, group: Sequence[ModbusRelayOptions]) -> Callable[[bytes], bytes]:
        boards = {
            options.address: ModbusRelayBoardSimulator(options.address, CHANNELS_MAX, flashes=options.flash)
            for options in group
        }
        for options in group:
            board = boards[options.address]
            self._coils[options.name] = partial(_energised_now, board, options.channel)
            self._power[options.name] = board.lose_power
        return lambda data: b"".join(board.receive(data, time.monotonic_ns()) for board in boards.values())

    def _contacts_of(self, port: str, group: Sequence[DeviceOptions], folder: Path) -> None:
        changes: Mapping[str, Any] = {"pin_factory": "mock"}
        if terminals := [options for options in group if isinstance(options, TerminalOptions)]:
            self._contacts |= {options.name: partial(self._set_terminal, options) for options in terminals}
            changes = {}
        elif loops := [options for options in group if isinstance(options, ModbusAnalogOptions)]:
            changes = {**self._line(port, folder, self._loop_boards(loops)), "open_counts": OPEN_COUNTS}
        elif contacts := [options for options in group if isinstance(options, ModbusInputOptions)]:
            changes = self._line(port, folder, self._contact_boards(contacts))
        elif channels := [options for options in group if isinstance(options, Mcp3008Options)]:
            self._chip(channels)
        self._contacts |= {o.name: _pin_contact(o) for o in group if isinstance(o, GpioInputOptions)}
        if port in self._lines:
            self._line_of |= {options.name: self._lines[port] for options in group}
        self.inputs |= {options.name: changes for options in group}

    def _contact_boards(self, group: Sequence[ModbusInputOptions]) -> Callable[[bytes], bytes]:
        boards = {options.address: ModbusBoardSimulator(options.address, CHANNELS_MAX) for options in group}
        for options in group:
            self._contacts[options.name] = partial(boards[options.address].set_closed, options.channel)
        return lambda data: b"".join(board.receive(data) for board in boards.values())

    def _loop_boards(self, group: Sequence[ModbusAnalogOptions]) -> Callable[[bytes], bytes]:
        boards = {o.address: AnalogBoardSimulator(o.address, CHANNELS_MAX, o.pull_up_ohm) for o in group}
        for options in group:
            self._hang_loop(options, partial(boards[options.address].set_ohm, options.channel))
        return lambda data: b"".join(board.receive(data) for board in boards.values())

    def _chip(self, channels: Sequence[Mcp3008Options]) -> None:
        first = channels[0]
        chip = Mcp3008Simulator(pin_factory("mock"), first.chip_select, first.pull_up_ohm)
        self._chips.append(chip)
        for options in channels:
            self._hang_loop(options, partial(chip.set_ohm, options.channel))

    def _hang_loop(self, options: SupervisedOptions, set_ohm: Callable[[float], None]) -> None:
        self._loops[options.name] = set_ohm
        self._contacts[options.name] = partial(_close_loop, options, set_ohm)

    def _terminal_on(self, options: TerminalOptions) -> bool:
        return self._reader_of(options).outputs.states()[options.number]

    def _set_terminal(self, options: TerminalOptions, closed: bool) -> None:
        self._reader_of(options).set_input(options.number, int(closed))

    def _reader_of(self, options: TerminalOptions) -> OsdpReaderSimulator:
        if self._electronics is None:
            raise TypeError(f"{options.name} is a terminal of reader {options.reader}: electronics is needed")
        return self._electronics(options.reader)

    def _line(self, port: str, folder: Path, receive: Callable[[bytes], bytes]) -> Mapping[str, Any]:
        link = folder / f"board{len(self._lines) + 1}"
        self._lines[port] = FarEnd(PtyLine(link), receive)
        return {"path": str(link), "rs485_mode": False}


def _energised_now(board: ModbusRelayBoardSimulator, channel: int) -> bool:
    return board.energised(channel, time.monotonic_ns())


def _close_loop(options: SupervisedOptions, set_ohm: Callable[[float], None], closed: bool) -> None:
    set_ohm(options.closed_ohm if closed else options.open_ohm)


def _pin_contact(options: GpioInputOptions) -> Callable[[bool], None]:
    def set_closed(closed: bool) -> None:
        pin = pin_factory("mock").pin(options.pin)
        if pin.function != "input":
            pin.function = "input"  # it was for something else before, in this process
        if closed is (options.pull == "up"):  # a closed contact joins a pulled-up pin to ground
            pin.drive_low()
        else:
            pin.drive_high()

    return set_closed


def _by_port(sections: Sequence[DeviceOptions]) -> list[tuple[str, list[DeviceOptions]]]:
    ordered = sorted(sections, key=lambda options: options.port)
    return [(port, list(group)) for port, group in groupby(ordered, key=lambda options: options.port)]
