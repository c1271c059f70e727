"""A simulated Wiegand reader as somebody at the terminal prods it: credentials in, bits out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.wiegand import UidOrder, encode, encode_bits, raw_bits

from portillon_drivers.keypad import KeypadCode
from portillon_drivers.options import ReaderOptions
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_drivers.readers.wiegand.wiegand_simulator import WiegandSimulator
from portillon_drivers.simulated_reader import CannotPresentError

SAMPLE_FACILITY = 67
SAMPLE_NUMBERS = (1_000, 2_513)


class SimulatedWiegandReader:
    """The reader, and somebody who has a card for each number. Fills SimulatedReader."""

    def __init__(self, options: WiegandOptions, chip: Path) -> None:
        self.simulator = WiegandSimulator(chip, d0=options.d0, d1=options.d1, tamper=options.tamper)
        self._options = options
        self._chip = chip

    @property
    def section(self) -> Mapping[str, Any]:
        """Where the driver finds it."""
        return {"chip": str(self._chip)}

    @property
    def samples(self) -> tuple[Credential, Credential]:
        """Two cards of the reader's first format."""
        card_format = self._options.card_formats[0]
        facility = None if card_format.facility is None else SAMPLE_FACILITY % (card_format.facility.number_max + 1)
        one, other = (n % (card_format.number.number_max + 1) for n in SAMPLE_NUMBERS)
        return (
            encode(card_format, number=one, facility=facility),
            encode(card_format, number=other, facility=facility),
        )

    def plug(self) -> None:
        """The chip is there, the reader has power."""
        self.simulator.plug()

    def unplug(self) -> None:
        """The chip is gone."""
        self.simulator.unplug()

    def present(self, what: Credential) -> None:
        """Hold the card to it that has these bits, or this UID."""
        self.simulator.present(self._bits(what))

    def scan(self, text: str) -> NoReturn:
        """It has no scanner."""
        raise CannotPresentError("this reader reads cards and no printed codes")

    def press(self, keys: str) -> None:
        """Press keys, if it has them."""
        if self._options.keypad is KeypadCode.NONE:
            raise CannotPresentError('this reader has no PIN pad; give its section keypad = "4bit" or "8bit"')
        if not keys or set(keys) - set("0123456789*#"):
            raise CannotPresentError("a PIN pad has the keys 0 to 9, * and #: write them as in 4917#")
        self.simulator.keys(keys, self._options.keypad)

    def noise(self) -> None:
        """Interference on both wires."""
        self.simulator.noise()

    def close(self) -> None:
        """Take it away for good."""
        self.simulator.unplug()

    def _bits(self, what: Credential) -> str:
        if what.kind is CredentialKind.WIEGAND:
            return raw_bits(what)
        if what.kind is CredentialKind.NFCA:
            uid = bytes.fromhex(what.value)
            for card_format in self._options.card_formats:
                if card_format.uid is not None and card_format.number.bits == 8 * len(uid):
                    sent = uid if card_format.uid is UidOrder.MSB_FIRST else uid[::-1]
                    return encode_bits(card_format, number=int.from_bytes(sent, "big"))
        raise CannotPresentError(
            "this reader sends bits: for example h10301:67-1000 or wiegand:26.28607D1;"
            " a UID (nfca:…) only if one of its formats is for UIDs of that length"
        )


def simulate(options: ReaderOptions, folder: Path) -> SimulatedWiegandReader:
    """One at a chip of its own."""
    if not isinstance(options, WiegandOptions):
        raise TypeError("these are the options of another reader")
    return SimulatedWiegandReader(options, folder / options.name)
