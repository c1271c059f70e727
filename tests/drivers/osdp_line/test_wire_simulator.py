"""The simulated bus: what the wire does to bytes is said by numbers, and repeatable."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.wire_simulator import OneWay, Wire, WireSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.serial_port import SerialPort

WAIT_S = 10.0


def test_paced_bytes_come_one_by_one() -> None:
    """At 9600 Bd a byte arrives 1.04 ms after the one before it, however they were written."""
    byte_ns = Wire.byte_ns_at(9_600)
    assert byte_ns == 1_041_666
    way = OneWay(seed=0)
    way.feed(b"abc", 1_000, Wire(byte_ns))
    assert way.next_ns == 1_000 + byte_ns
    assert way.due(1_000 + byte_ns - 1) == b""
    assert way.due(1_000 + byte_ns) == b"a"
    way.feed(b"d", 1_000 + byte_ns, Wire(byte_ns))
    assert way.due(1_000 + 3 * byte_ns) == b"bc"
    assert way.due(1_000 + 4 * byte_ns) == b"d" and way.next_ns is None


@given(st.binary(max_size=300))
def test_a_good_wire_changes_nothing(data: bytes) -> None:
    """Without noise and pacing, what goes in comes out."""
    way = OneWay(seed=0)
    way.feed(data, 5, Wire())
    assert way.due(5) == data


def test_noise_hits_as_often_as_told_and_the_same_at_every_run() -> None:
    """One byte in ten is turned, lost or joined by another; the same seed does the same."""
    sent = bytes(10_000)

    def arrived(seed: int) -> bytes:
        way = OneWay(seed)
        way.feed(sent, 0, Wire(noise=0.1))
        return way.due(0)

    once = arrived(1)
    assert once == arrived(1) != arrived(2)
    turned_or_joined = len(once) - once.count(0)
    assert 500 < turned_or_joined < 900


def test_a_cut_wire_swallows() -> None:
    """What is written while it is cut is gone; what comes after it is mended arrives."""
    way = OneWay(seed=0)
    way.feed(b"lost", 0, Wire(cut=True))
    way.feed(b"found", 0, Wire())
    assert way.due(0) == b"found"


def test_memory_is_bounded() -> None:
    """A wire that nobody empties keeps its newest bytes only."""
    way = OneWay(seed=0)
    for _ in range(3):
        way.feed(bytes(65_536), 0, Wire())
    assert len(way.due(0)) == 65_536


def test_everybody_on_the_bus_hears_everybody(tmp_path: Path) -> None:
    """The panel's bytes reach each reader; a reader's reach the panel and the other readers, but not itself."""
    near, far = PtyLine(tmp_path / "near"), [PtyLine(tmp_path / "far1"), PtyLine(tmp_path / "far2")]
    with WireSimulator(near, far, time.monotonic_ns):
        ends = [SerialPort(SerialOptions(path=line.link), baud=9_600, read_timeout_s=WAIT_S) for line in (near, *far)]
        for end in ends:
            end.open()
        ends[0].write(b"poll")
        assert [end.read_exactly(4) for end in ends[1:]] == [b"poll", b"poll"]
        ends[1].write(b"ack")
        assert [end.read_exactly(3) for end in (ends[0], ends[2])] == [b"ack", b"ack"]
        ends[0].write(b"next")
        assert ends[1].read_exactly(4) == b"next"  # and nothing of its own before it
        for end in ends:
            end.close()


def test_the_adapter_is_pulled_and_put_back(tmp_path: Path) -> None:
    """Unplugged, the panel's device is gone; plugged in again, the same readers are there."""
    near, far = PtyLine(tmp_path / "near"), PtyLine(tmp_path / "far")
    panel, reader = (
        SerialPort(SerialOptions(path=line.link), baud=9_600, read_timeout_s=WAIT_S) for line in (near, far)
    )
    with WireSimulator(near, [far], time.monotonic_ns) as wire:
        panel.open()
        reader.open()
        wire.unplug()
        with pytest.raises(TransientDeviceError, match="lost while reading"):
            panel.read_exactly(1)
        with pytest.raises(TransientDeviceError, match="nothing is plugged in there"):
            panel.open()
        wire.plug()
        panel.open()
        panel.write(b"hello")
        assert reader.read_exactly(5) == b"hello"
        panel.close()
        reader.close()
