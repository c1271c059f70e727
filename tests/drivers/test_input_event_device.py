"""An input device whose every failure is a DriverError, and which is held for one process alone."""

import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.readers.input_event_device import EVIOCGRAB, EVIOCSCLOCKID, InputEventDevice
from portillon_drivers.readers.wedge_keys import INPUT_EVENT
from portillon_drivers.readers.wedge_scanner import WedgeScannerOptions
from portillon_drivers.readers.wedge_scanner_simulator import SimulatedWedgeScanner


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[SimulatedWedgeScanner]:
    path = tmp_path / "usb-scanner-event-kbd"
    simulated = SimulatedWedgeScanner(WedgeScannerOptions(name="lane1", type="wedge_scanner", path=path))
    simulated.plug()
    yield simulated
    simulated.close()


def device_of(scanner: SimulatedWedgeScanner) -> InputEventDevice:
    return InputEventDevice(Path(scanner.section["path"]), read_timeout_s=0.02)


def test_events_arrive_and_silence_ends(scanner: SimulatedWedgeScanner) -> None:
    """What the scanner types is read whole, and a silent one returns nothing in bounded time."""
    device = device_of(scanner)
    device.open()
    assert device.read_some() == b""
    scanner.scan("M1")
    data = b""
    while len(data) < 24 * INPUT_EVENT.size:  # shift, M, 1, ENTER: eight changes of three events
        data += device.read_some()
    assert len(data) == 24 * INPUT_EVENT.size
    assert device.read_some() == b""
    device.close()


def test_unplugging_ends_reading_and_replugging_works(scanner: SimulatedWedgeScanner) -> None:
    """A vanished scanner is a passing failure; the same path opens again when it is back."""
    device = device_of(scanner)
    device.open()
    scanner.unplug()
    with pytest.raises(TransientDeviceError, match="lost while reading: it was unplugged"):
        device.read_some()
    with pytest.raises(TransientDeviceError, match="nothing is plugged in"):
        device.open()
    with pytest.raises(TransientDeviceError, match="is not open"):
        device.read_some()
    scanner.plug()
    device.open()
    device.close()
    device.close()


def test_it_is_held_for_one_process_alone(scanner: SimulatedWedgeScanner) -> None:
    """A second opener is refused and told why, until the first lets go."""
    first, second = device_of(scanner), device_of(scanner)
    first.open()
    with pytest.raises(TransientDeviceError, match="another process holds it"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_device_is_grabbed_and_told_to_use_the_steady_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character device is grabbed first of all, and then dated by a clock that nobody sets."""
    asked: list[tuple[int, object]] = []
    monkeypatch.setattr(fcntl, "ioctl", lambda _, request, argument: asked.append((request, argument)))
    device = InputEventDevice(Path("/dev/null"), read_timeout_s=0)
    device.open()
    device.close()
    assert asked == [(EVIOCGRAB, 1), (EVIOCSCLOCKID, struct.pack("@i", time.CLOCK_MONOTONIC))]


def test_the_requests_are_the_kernels() -> None:
    """The ioctl numbers are what linux/input.h makes of ('E', 0x90, int) and ('E', 0xa0, int), to write."""
    for request, number in ((EVIOCGRAB, 0x90), (EVIOCSCLOCKID, 0xA0)):
        assert request == 1 << 30 | 4 << 16 | ord("E") << 8 | number


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EBUSY, "another process has grabbed it"),
        (errno.ENODEV, "it was unplugged"),
        (errno.EACCES, "group input"),
    ],
)
def test_what_the_kernel_refuses_is_translated(number: int, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grabbed by another, gone, or forbidden: each says what to do, and nothing stays open."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(TransientDeviceError, match=advice):
        InputEventDevice(Path("/dev/null"), read_timeout_s=0).open()
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_enodev_while_reading_is_an_unplugging(scanner: SimulatedWedgeScanner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real device that is pulled out answers a read with ENODEV (error 19)."""
    device = device_of(scanner)
    device.open()
    scanner.scan("M1")

    def gone(*_: object) -> bytes:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(os, "read", gone)
    with pytest.raises(TransientDeviceError, match="it was unplugged"):
        device.read_some()


def test_being_woken_for_nothing_is_silence(scanner: SimulatedWedgeScanner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that finds nothing after all is no failure."""
    device = device_of(scanner)
    device.open()
    scanner.scan("M1")

    def nothing(*_: object) -> bytes:
        raise BlockingIOError(errno.EAGAIN, "again")

    monkeypatch.setattr(os, "read", nothing)
    assert device.read_some() == b""
    device.close()


@pytest.mark.parametrize("what", ["file", "folder", "device"])
def test_what_is_no_input_device_says_which_name_to_take(what: str, tmp_path: Path) -> None:
    """A wrong path is a lasting failure that names the right folder."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    path = Path("/dev/null") if what == "device" else tmp_path / what
    with pytest.raises(PermanentDeviceError, match="by-id"):
        InputEventDevice(path, read_timeout_s=0).open()
