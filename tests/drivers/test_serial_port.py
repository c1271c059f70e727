"""A serial line whose every failure is a DriverError that says what to do."""

import itertools
import os
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.options import SerialOptions
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.serial_port import SerialPort


@pytest.fixture
def line(tmp_path: Path) -> Iterator[PtyLine]:
    line = PtyLine(tmp_path / "port")
    line.plug()
    yield line
    line.unplug()


def port_on(line: PtyLine, **options: bool) -> SerialPort:
    return SerialPort(SerialOptions(path=line.link, **options), baud=9_600, read_timeout_s=0.05)


def test_bytes_go_both_ways(line: PtyLine) -> None:
    """What is written arrives, and what arrives is read."""
    port = port_on(line)
    port.open()
    line.send(b"card")
    assert port.read_some() == b"card"
    port.write(b"\xa0\x01\x01\xa2")
    assert line.receive() == b"\xa0\x01\x01\xa2"
    port.close()


def test_nothing_plugged_in(tmp_path: Path) -> None:
    """A missing device is a passing failure that says so."""
    with pytest.raises(TransientDeviceError, match="nothing is plugged in"):
        SerialPort(SerialOptions(path=tmp_path / "none"), baud=9_600, read_timeout_s=0).open()


def test_line_is_held_for_one_process_alone(line: PtyLine) -> None:
    """A second opener is refused and told why."""
    first, second = port_on(line), port_on(line)
    first.open()
    with pytest.raises(TransientDeviceError, match="another process holds it"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_unplugging_fails_every_call_in_the_same_way(line: PtyLine) -> None:
    """Reading and writing an unplugged line are TransientDeviceErrors, and the port knows that it is closed."""
    for use in (SerialPort.read_some, SerialPort.discard_input, lambda port: port.write(b"x")):
        line.plug()
        port = port_on(line)
        port.open()
        line.unplug()
        with pytest.raises(TransientDeviceError):
            use(port)
        assert not port.is_open


@pytest.mark.parametrize("error", [OSError(5, "gone"), serial.SerialException("gone"), termios.error(5, "gone")])
def test_whatever_pyserial_raises_is_translated(
    line: PtyLine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A plain OSError(5) from in_waiting, a SerialException and a termios.error all mean that the line was lost."""

    def fail(port: serial.Serial) -> int:
        raise error

    port = port_on(line)
    port.open()
    line.send(b"x")
    monkeypatch.setattr(serial.Serial, "in_waiting", property(fail))
    with pytest.raises(TransientDeviceError, match="was lost while reading"):
        port.read_some()
    assert not port.is_open


def test_a_line_that_takes_no_bytes_does_not_block(line: PtyLine) -> None:
    """Writing to an adapter that hangs fails at once instead of waiting for ever."""
    port = port_on(line)
    port.open()
    with pytest.raises(TransientDeviceError):
        for _ in range(100):
            port.write(b"x" * 4_096)
    assert not port.is_open


def test_a_pause_of_this_process_is_no_lost_line(line: PtyLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held up for an hour right after the kernel took the bytes, the line is as good as before."""
    port = port_on(line)
    port.open()
    hours = itertools.count(step=3_600)
    monkeypatch.setattr("serial.serialutil.Timeout.TIME", staticmethod(lambda: next(hours)))
    port.write(b"\xa0\x01\x01\xa2")
    assert line.receive() == b"\xa0\x01\x01\xa2" and port.is_open
    port.close()


def test_rs485_mode_where_there_is_none(line: PtyLine) -> None:
    """An adapter without RS-485 mode is a lasting failure that names the key to remove."""
    port = port_on(line, rs485_mode=True)
    with pytest.raises(PermanentDeviceError, match="remove rs485_mode"):
        port.open()
    assert not port.is_open


def test_closed_port_is_no_surprise(line: PtyLine) -> None:
    """Using a port that is not open says so, and closing twice is fine."""
    port = port_on(line)
    with pytest.raises(TransientDeviceError, match="is not open"):
        port.write(b"x")
    port.close()
    port.close()


def test_what_was_written_before_closing_arrives(line: PtyLine) -> None:
    """The last command, which locks a door, is not thrown away by letting go of the line."""
    for _ in range(100):
        port = port_on(line)
        port.open()
        port.write(b"lock")
        port.close()
        arrived = b""
        while len(arrived) < 4:  # the test's own time limit ends this if it never comes
            arrived += line.receive()
        assert arrived == b"lock"


def test_replugged_line_is_a_new_device(line: PtyLine) -> None:
    """After unplug and replug the same path opens again."""
    port = port_on(line)
    port.open()
    line.unplug()
    assert not os.path.lexists(line.link)
    line.plug()
    port.open()
    line.send(b"back")
    assert port.read_some() == b"back"
    port.close()
