"""Cut and replugged: how soon a reader is back, and what the panel told meanwhile."""

import pytest
from drivers.osdp.virtual_bus import SECOND, VirtualBus, secure_bus
from portillon_drivers.osdp import reader_session
from portillon_drivers.osdp.panel_events import CardRead, ChannelLost, PanelEvent, ReaderOffline, ReaderOnline
from portillon_drivers.osdp.timing import MS


def returned_after_ms(bus: VirtualBus, address: int, kind: type[PanelEvent]) -> float:
    bus.forget()
    bus.cut.discard(address)
    began_ns = bus.now_ns
    bus.simulators[address].card("0101" * 8)
    while not bus.told(kind):
        bus.run(5 * MS)
        assert bus.now_ns - began_ns < 20 * SECOND, "it never came back"
    return (bus.when(kind)[0] - began_ns) / MS


@pytest.mark.parametrize("baud", [9_600, 38_400, 230_400])
@pytest.mark.parametrize("number", [1, 4, 16])
@pytest.mark.parametrize("power_lost", [False, True], ids=["cable cut", "power lost"])
def test_back_in_service_within_a_second_of_the_wires_return(baud: int, number: int, power_lost: bool) -> None:
    """After a long cut a reader is online again within a second, whenever in the panel's pace the wire returns."""
    bus = secure_bus(number, baud=baud).run(6 * SECOND)
    for phase_ms in (0, 290, 545):
        bus.cut.add(0)
        bus.run(10 * SECOND + phase_ms * MS)
        assert len(bus.told(ReaderOffline)) == 1
        if power_lost:
            bus.simulators[0].lose_power()
        assert returned_after_ms(bus, 0, ReaderOnline) < 1_000
        bus.run(2 * SECOND)


@pytest.mark.parametrize("baud", [9_600, 115_200])
@pytest.mark.parametrize("cut_ms", [150, 500, 1_500, 3_000, 7_000])
@pytest.mark.parametrize("power_lost", [False, True], ids=["cable cut", "power lost"])
def test_cards_are_read_within_a_second_after_a_short_cut(baud: int, cut_ms: int, power_lost: bool) -> None:
    """A cut of less than 8 s is not told as offline, and a card held up after it is read within a second."""
    bus = secure_bus(4, baud=baud).run(3 * SECOND)
    for phase_ms in (0, 70, 190):
        bus.cut.add(0)
        bus.run((cut_ms + phase_ms) * MS)
        if power_lost:
            bus.simulators[0].lose_power()
        assert returned_after_ms(bus, 0, CardRead) < 1_000
        bus.run(SECOND)
        assert not bus.told(ReaderOffline) and not bus.told(ReaderOnline)


def test_a_short_cut_needs_no_new_channel() -> None:
    """The message that was cut is sent again as it was, so the chain of MACs goes on."""
    bus = secure_bus(1).run(SECOND)
    bus.cut.add(0)
    bus.run(1_200 * MS)
    returned_after_ms(bus, 0, CardRead)
    assert not bus.told(ChannelLost)


def test_slow_pace_of_probes_would_break_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound hangs on the pace of probes: with one in two seconds it is missed."""
    monkeypatch.setattr(reader_session, "PROBE_NS", 2 * SECOND)
    bus = secure_bus(1).run(2 * SECOND)
    late = []
    for phase_ms in (0, 500, 1_000):
        bus.cut.add(0)
        bus.run(10 * SECOND + phase_ms * MS)
        late.append(returned_after_ms(bus, 0, ReaderOnline))
    assert max(late) > 1_000


def test_offline_is_told_once_after_eight_seconds() -> None:
    """Silence is told after 8 s, not before and not again."""
    bus = secure_bus(2).run(SECOND)
    cut_ns = bus.now_ns
    bus.cut.add(1)
    bus.run(60 * SECOND)
    (told_ns,) = bus.when(ReaderOffline)
    assert 7.8 * SECOND < told_ns - cut_ns < 8.3 * SECOND
    assert [event.address for event in bus.told(ReaderOffline)] == [1]


def test_a_reader_that_was_never_there_is_told_once() -> None:
    """Whoever starts the gateway hears which readers are missing."""
    bus = secure_bus(2)
    bus.cut.add(1)
    bus.run(60 * SECOND)
    assert [event.address for event in bus.told(ReaderOffline)] == [1]
    assert [event.address for event in bus.told(ReaderOnline)] == [0]


@pytest.mark.parametrize("number", [1, 8])
def test_a_whole_bus_comes_back(number: int) -> None:
    """When the one cable of all readers is put back, the first sign of life wakes the panel for all of them."""
    bus = secure_bus(number, baud=38_400).run(3 * SECOND)
    bus.cut.update(range(number))
    bus.run(15 * SECOND)
    assert len(bus.told(ReaderOffline)) == number
    bus.forget()
    bus.cut.clear()
    bus.run(2 * SECOND)
    assert len(bus.told(ReaderOnline)) == number


def test_a_lost_port_takes_every_reader_offline_at_once() -> None:
    """Without a port there are no readers; with it they are back within a second."""
    bus = secure_bus(4).run(SECOND)
    bus.forget()
    bus.events += [(bus.now_ns, event) for event in bus.panel.line_lost(bus.now_ns)]
    assert len(bus.told(ReaderOffline)) == 4
    bus.now_ns += 5 * SECOND
    bus.forget()
    bus.run(SECOND)
    assert len(bus.told(ReaderOnline)) == 4
