"""What a site is told about readers that work as they should and still prove little."""

from io import StringIO
from pathlib import Path

import pytest
from edge.health.report_sample import report
from portillon_drivers.options import PinUse
from portillon_drivers.readers.rdm6300 import Rdm6300Options
from portillon_edge.health.board import HealthBoard
from portillon_edge.health.remarks import REMARK_CHARS_MAX, REMARKS_MAX, in_words, remarks_of
from portillon_edge.health.reported import reported
from portillon_edge.status_view import status_screen
from portillon_edge.words import Words
from portillon_wire.messages import DeviceHealth, Reported, decode, encode
from rich.console import Console

READER = {"name": "lane1-reader", "type": "rdm6300", "path": Path("/dev/reader")}


class Talkative(Rdm6300Options):
    """A driver's options that have something to say."""

    @property
    def remarks(self) -> tuple[str, ...]:
        return ("insecure_clear_text", "x" * 100, *(f"remark{number}" for number in range(40)))


def test_copyable_kinds_are_named() -> None:
    """A reader whose cards can be copied says which kinds those are; one that asks for a PIN as well says less."""
    assert remarks_of(Rdm6300Options(**READER)) == ("copyable:em4100",)  # type: ignore[arg-type]
    assert remarks_of(Rdm6300Options(**READER, pin=PinUse.WITH_CARD)) == ()  # type: ignore[arg-type]
    assert remarks_of(Rdm6300Options(**READER, pin=PinUse.ALONE)) == ("copyable:em4100", "copyable:pin")  # type: ignore[arg-type]


def test_driver_adds_its_own_within_bounds() -> None:
    """Whatever a driver says, the message stays one that the cloud takes."""
    remarks = remarks_of(Talkative(**READER))  # type: ignore[arg-type]
    assert remarks[:2] == ("copyable:em4100", "insecure_clear_text")
    assert len(remarks) == REMARKS_MAX and max(map(len, remarks)) == REMARK_CHARS_MAX
    assert DeviceHealth(name="r", kind="reader", state="up", remarks=remarks).remarks == remarks


@pytest.mark.parametrize(
    ("remarks", "words"),
    [
        ((), ""),
        (("copyable:em4100", "copyable:wiegand"), "lets pass what can be copied: em4100, wiegand"),
        (("uid_only", "novel"), "reads serial numbers only: cards that could prove themselves are not asked to; novel"),
    ],
)
def test_remarks_in_words(remarks: tuple[str, ...], words: str) -> None:
    """A technician reads a sentence; what this version has no words for is shown as it is."""
    assert in_words(remarks) == words


def test_board_report_screen_and_cloud_all_say_it() -> None:
    """From the configuration to the board, to the terminal, and to the cloud."""
    (device,) = HealthBoard({"r": "reader rdm6300"}, {"r": ("copyable:em4100",)}).devices()
    health = DeviceHealth(name=device.name, kind=device.kind, state=device.state, remarks=device.remarks)
    full = report(devices=(health,))
    screen = StringIO()
    Console(width=200, file=screen).print(status_screen(full, Words("en"), 0))
    assert "can be copied: em4100" in screen.getvalue()
    assert decode(Reported, encode(reported(full, at_ms=None))).devices[0].remarks == ("copyable:em4100",)
