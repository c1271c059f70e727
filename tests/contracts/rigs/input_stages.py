"""Boards with two inputs each, simulated, for the contract of the Inputs port: "passage" and "door"."""

import time
from math import inf
from pathlib import Path
from typing import Any

from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.inputs.mcp3008_simulator import Mcp3008Simulator
from portillon_drivers.inputs.modbus_inputs_simulator import OPEN_COUNTS, AnalogBoardSimulator, ModbusBoardSimulator
from portillon_drivers.readers.osdp import DRIVER as OSDP_READERS
from portillon_drivers.readers.osdp import OsdpOptions
from portillon_drivers.readers.osdp_simulator import SimulatedBus, SimulatedOsdpReader

CHANNELS = (2, 5)
CLOSED_OHM, OPEN_OHM = 1_000, 2_000


class ModbusStage:
    """Two channels of one board."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        self.board: Any = self.make_board()
        self.garble = 0
        self.line = far_ends("inputs", self._answer)
        self.sections = [
            {"type": "modbus", "path": folder / "inputs", "address": 3, "channel": channel} for channel in CHANNELS
        ]

    def make_board(self) -> Any:
        return ModbusBoardSimulator(3, 8)

    def close_contact(self, index: int, closed: bool) -> None:
        self.board.set_closed(CHANNELS[index], closed)

    def _answer(self, data: bytes) -> bytes:
        answer: bytes = self.board.receive(data)
        if answer and self.garble:
            self.garble -= 1
            return answer[:-1] + bytes([answer[-1] ^ 1])
        return answer


class ModbusAnalogStage(ModbusStage):
    """Two supervised loops of one board."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        super().__init__(folder, far_ends)
        measured = {"type": "modbus_analog", "open_counts": OPEN_COUNTS, "pull_up_ohm": 1_000}
        self.sections = [{**section, **measured} for section in self.sections]

    def make_board(self) -> Any:
        board = AnalogBoardSimulator(3, 8, pull_up_ohm=1_000)
        for channel in CHANNELS:
            board.set_ohm(channel, OPEN_OHM)
        return board

    def close_contact(self, index: int, closed: bool) -> None:
        self.board.set_ohm(CHANNELS[index], CLOSED_OHM if closed else OPEN_OHM)

    def cut(self, index: int) -> None:
        self.board.set_ohm(CHANNELS[index], inf)

    def short(self, index: int) -> None:
        self.board.set_ohm(CHANNELS[index], 0)


class GpioStage:
    """Two mock pins with contacts to ground."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        self.factory = pin_factory("mock")
        self.factory.reset()
        self.sections = [{"type": "gpio", "pin": pin, "pin_factory": "mock"} for pin in (23, 24)]

    def close_contact(self, index: int, closed: bool) -> None:
        pin = self.factory.pin((23, 24)[index])
        pin.drive_low() if closed else pin.drive_high()


class Mcp3008Stage:
    """Two supervised loops on the channels of one chip, on mock SPI pins."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        factory = pin_factory("mock")
        factory.reset()
        self.chip = Mcp3008Simulator(factory, pull_up_ohm=1_000)
        self.line = ChipSupply(self.chip)
        for channel in CHANNELS:
            self.chip.set_ohm(channel, OPEN_OHM)
        about = {"type": "mcp3008", "pull_up_ohm": 1_000, "pin_factory": "mock"}
        self.sections = [{**about, "channel": channel} for channel in CHANNELS]

    def close_contact(self, index: int, closed: bool) -> None:
        self.chip.set_ohm(CHANNELS[index], CLOSED_OHM if closed else OPEN_OHM)

    def cut(self, index: int) -> None:
        self.chip.set_ohm(CHANNELS[index], inf)

    def short(self, index: int) -> None:
        self.chip.set_ohm(CHANNELS[index], 0)

    def close(self) -> None:
        self.chip.close()


class ChipSupply:
    """The wire that gives a chip its power."""

    def __init__(self, chip: Mcp3008Simulator) -> None:
        self._chip = chip

    def plug(self) -> None:
        self._chip.powered = True

    def unplug(self) -> None:
        self._chip.powered = False


class OsdpStage:
    """Two terminals of one reader; its line is opened by the reader's own driver."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        about = {"name": "lane1-reader", "type": "osdp", "address": 1, "baud": 115_200, "key_file": "lane1.key"}
        options = OsdpOptions.model_validate({**about, "path": folder / "bus"})
        self.line = SimulatedOsdpReader(options, SimulatedBus(folder / "bus"), folder / "lane1.key")
        self.line.plug()
        section = OsdpOptions.model_validate({**about, **self.line.section})
        [self.reader] = OSDP_READERS.build([section], time.monotonic_ns)
        self.sections = [{"type": "osdp", "reader": "lane1-reader", "number": number} for number in (0, 1)]

    def close_contact(self, index: int, closed: bool) -> None:
        self.line.electronics.set_input(index, int(closed))

    def close(self) -> None:
        self.line.unplug()
        self.line.close()
