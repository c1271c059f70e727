"""A Wiegand reader at a simulated GPIO chip."""

from pathlib import Path
from typing import Any

from portillon_drivers.events import CredentialRead, ReaderEvent, ReaderFaultKind
from portillon_drivers.readers.wiegand.wiegand_simulator import SLOWEST, WiegandSimulator
from portillon_rules.wiegand import STANDARD, encode, encode_bits

NUMBERS = (1_000, 2_513)


class WiegandRig:
    """Cards of facility 67, as ten thousand gyms have them."""

    def __init__(self, folder: Path) -> None:
        chip = folder / "gpiochip"
        self._simulator = WiegandSimulator(chip, d0=23, d1=24)
        self.place = str(chip)

    def section(self) -> dict[str, Any]:
        return {"chip": self.place, "d0": 23, "d1": 24, "formats": ["h10301"]}

    def plug(self) -> None:
        self._simulator.plug()

    def unplug(self) -> None:
        self._simulator.unplug()

    def present(self, which: int) -> None:
        self._simulator.present(self._bits(which))

    def trickle(self, which: int) -> None:
        self._simulator.present(self._bits(which), SLOWEST)

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        card = encode(STANDARD["h10301"], facility=67, number=NUMBERS[which])
        return isinstance(event, CredentialRead) and event.credential == card

    def dirt(self) -> frozenset[ReaderFaultKind]:
        self._simulator.noise()
        self._simulator.present(self._bits(1), lost=(3, 11))
        self._simulator.run_together(self._bits(0), self._bits(1))
        return frozenset({ReaderFaultKind.NOISE, ReaderFaultKind.LOST_BITS, ReaderFaultKind.RUN_TOGETHER})

    def close(self) -> None:
        self._simulator.unplug()

    def _bits(self, which: int) -> str:
        return encode_bits(STANDARD["h10301"], facility=67, number=NUMBERS[which])
