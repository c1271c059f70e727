"""QR and barcode scanners that act as a keyboard (USB HID): each code is typed and ends in ENTER or TAB."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from portillon_drivers.events import ClockNs
from portillon_drivers.options import FilePath
from portillon_drivers.ports import Reader
from portillon_drivers.readers.input_event_device import InputEventDevice
from portillon_drivers.readers.keyboard_layouts import LAYOUTS
from portillon_drivers.readers.line_reader import READ_TIMEOUT_S
from portillon_drivers.readers.scanner import ScannerOptions, scanner
from portillon_drivers.readers.wedge_keys import KEY_ENTER, KEY_NUMBER_PAD_ENTER, KEY_TAB, WedgeKeys
from portillon_drivers.registry import Driver

ENDS: Mapping[str, frozenset[int]] = {
    "enter": frozenset({KEY_ENTER, KEY_NUMBER_PAD_ENTER}),
    "tab": frozenset({KEY_TAB}),
}


def _stable_name(path: Path) -> Path:
    if re.fullmatch(r"/dev/input/event\d+", str(path)):
        raise ValueError(
            "this number changes from boot to boot, and the next one may be the console's keyboard: take the scanner's "
            "name ending in -event-kbd under /dev/input/by-id (two equal scanners: by-path)"
        )
    return path


class WedgeScannerOptions(ScannerOptions):
    """A section `[[readers]]` with `type = "wedge_scanner"`."""

    type: Literal["wedge_scanner"]
    path: Annotated[FilePath, AfterValidator(_stable_name)] = Field(
        description="the input device: on a Pi its name ending in -event-kbd under /dev/input/by-id"
    )
    layout: Literal["us", "fr", "ca-fr"] = Field(
        default="us", description='the keyboard layout that the scanner is set to: "us", "fr" or "ca-fr"'
    )
    suffix: Literal["enter", "tab"] = Field(
        default="enter", description='the key that the scanner is set to press after each code: "enter" or "tab"'
    )
    gap_ms: int = Field(
        default=300, ge=50, le=1_500, description="a code whose keys lie further apart than this is dropped"
    )

    @field_validator("prefix")
    @classmethod
    def _prefix_can_be_typed(cls, prefix: str) -> str:
        if not prefix.isprintable():
            raise ValueError("a prefix that is typed holds printable characters only")
        return prefix

    @property
    def port(self) -> str:
        """The input device."""
        return str(self.path)


def decoder(options: WedgeScannerOptions) -> WedgeKeys:
    """The decoder of one such scanner."""
    code = options.code_text(gap_ms=options.gap_ms)
    return WedgeKeys(code, layout=LAYOUTS[options.layout], ends=ENDS[options.suffix])


def build(sections: Sequence[WedgeScannerOptions], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section."""
    return [
        scanner(
            options,
            line=InputEventDevice(options.path, read_timeout_s=READ_TIMEOUT_S),
            decoder=decoder(options),
            clock_ns=clock_ns,
        )
        for options in sections
    ]


DRIVER: Driver[WedgeScannerOptions, Reader] = Driver(WedgeScannerOptions, build)
