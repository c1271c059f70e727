"""A phone's pass and a printed day code on their way through a scanner to the gateway's reading of them."""

import secrets
from typing import Any

import pytest
from portillon_drivers.readers import serial_scanner, wedge_scanner
from portillon_drivers.readers.serial_scanner import SerialScannerOptions
from portillon_drivers.readers.serial_scanner_simulator import SimulatedSerialScanner
from portillon_drivers.readers.wedge_scanner import WedgeScannerOptions
from portillon_drivers.readers.wedge_scanner_simulator import SimulatedWedgeScanner
from portillon_wire.day_code import DayCode, issue_day_code
from portillon_wire.qr_pass import PhonePass
from portillon_wire.qr_pass_issuer import DeviceKey, issue
from portillon_wire.scanned import RefusedScan, classify

AROUND = pytest.mark.parametrize(
    "around", [{}, {"aim_identifier": True}, {"prefix": "LANE1:", "suffix": "tab"}], ids=["plain", "aim", "prefix, tab"]
)
PHONE = DeviceKey.generate()
PASS = issue(PHONE, real_ms=1_790_000_000_000, random=secrets.token_bytes)
CODE = issue_day_code(secrets.token_bytes)


def through_serial(text: str, **keys: Any) -> list[Any]:
    options = SerialScannerOptions(name="a", type="serial_scanner", path="/dev/x", **keys)
    return list(serial_scanner.decoder(options).feed(SimulatedSerialScanner(options).bytes_of(text), 1))


def through_wedge(text: str, **keys: Any) -> list[Any]:
    options = WedgeScannerOptions(name="a", type="wedge_scanner", path="/dev/x", **keys)
    scanner, decoder = SimulatedWedgeScanner(options), wedge_scanner.decoder(options)
    return [thing for data in scanner.events_of(text) for thing in decoder.feed(data, 1)]


@AROUND
def test_over_a_serial_line(around: dict[str, Any]) -> None:
    """A pass and a day code are proven from what a serial scanner sent, however it is set."""
    for text, kind in ((PASS, PhonePass), (CODE, DayCode)):
        [scanned] = through_serial(text, **around)
        assert isinstance(classify(scanned), kind)


@pytest.mark.parametrize("layout", ["us", "fr", "ca-fr"])
@AROUND
def test_through_a_keyboard(layout: str, around: dict[str, Any]) -> None:
    """The same through a keyboard-wedge scanner in every layout."""
    for text, kind in ((PASS, PhonePass), (CODE, DayCode)):
        [scanned] = through_wedge(text, layout=layout, **around)
        assert isinstance(classify(scanned), kind)


def test_a_layout_described_wrongly_opens_nothing() -> None:
    """Keys of a French scanner read as American ones are a fault or a refusal, never a barcode or another pass."""
    options = WedgeScannerOptions(name="a", type="wedge_scanner", path="/dev/x", layout="fr")
    decoder = wedge_scanner.decoder(options.model_copy(update={"layout": "us"}))
    events = SimulatedWedgeScanner(options).events_of(PASS)
    scanned = [thing for data in events for thing in decoder.feed(data, 1) if isinstance(thing, str)]
    assert all(isinstance(classify(text), RefusedScan) for text in scanned)
