"""Somebody stands before a door: how soon a relay's command is carried out on a busy line, in virtual time."""

from itertools import pairwise

import pytest
from drivers.osdp.test_fairness import alive, measured
from drivers.osdp.virtual_bus import SECOND, VirtualBus, secure_bus
from portillon_drivers.osdp.command_queue import CommandQueue, Queued
from portillon_drivers.osdp.commands import Blink, Colour, Led, Output, OutputControl, Text
from portillon_drivers.osdp.panel_events import CommandDone, Outcome
from portillon_drivers.osdp.timing import MS, wire_ns

COMMAND_BYTES, ANSWER_BYTES = 30, 14
"""Encrypted osdp_OUT and its ACK; a poll and its ACK are 14 each."""
ANSWER_MS = 2
"""How long a simulated reader thinks."""
GRANTS = 40
LAMP = Led(permanent=Blink(Colour.GREEN))
RELEASE = Output(0, OutputControl.ON_FOR_TIME, timer_ds=30)
BUSES = [(9_600, 1), (9_600, 4), (9_600, 16), (115_200, 1), (115_200, 8)]


def answered_ms(bus: VirtualBus, readers: int, *, before: tuple[Led | Text, ...] = ()) -> float:
    """The longest of many releases at times that fit nothing, each behind `before`; until its answer, in ms."""
    longest = 0
    for number in range(GRANTS):
        bus.run(int(bus.chance.uniform(0.3, 0.6) * SECOND))
        bus.forget()
        reader = number % readers
        for command in before:
            bus.panel.command(reader, command)
        asked_ns = bus.now_ns
        handle = bus.panel.command(reader, RELEASE)
        bus.run(SECOND)
        [(done_ns, done)] = [
            (at_ns, event) for at_ns, event in bus.events if isinstance(event, CommandDone) and event.handle == handle
        ]
        assert done.outcome is Outcome.DONE
        longest = max(longest, done_ns - asked_ns)
    return longest / MS


def bound_ms(baud: int) -> float:
    """The poll or lamp under way, and its own exchange."""
    under_way = wire_ns(COMMAND_BYTES + ANSWER_BYTES, baud) / MS + ANSWER_MS
    return under_way + wire_ns(COMMAND_BYTES + ANSWER_BYTES, baud) / MS + ANSWER_MS + 1


@pytest.mark.parametrize(("baud", "readers"), BUSES)
def test_a_relay_waits_for_one_exchange_at_most(baud: int, readers: int) -> None:
    """However many readers share the line, a release waits for what is under way and for nobody else."""
    bus = secure_bus(readers, baud=baud).run(10 * SECOND)
    assert answered_ms(bus, readers) <= bound_ms(baud)


def test_a_relay_goes_before_lamp_and_words() -> None:
    """A grant lights the lamp, beeps, writes and releases: the relay is not behind any of these."""
    bus = secure_bus(4, baud=9_600).run(10 * SECOND)
    assert answered_ms(bus, 4, before=(LAMP, LAMP, Text("Bonjour"))) <= bound_ms(9_600)


def test_without_the_hurry_it_waits_for_a_whole_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds the bound is that an output goes first: queued like the rest, it waits for all the polls."""
    monkeypatch.setattr(CommandQueue, "urgent", property(lambda queue: False))
    bus = secure_bus(4, baud=9_600).run(10 * SECOND)
    assert answered_ms(bus, 4) > 1.5 * bound_ms(9_600)


def test_releases_without_end_starve_nobody() -> None:
    """With an output always waiting at one reader, everybody's cards are told in time, and it is polled between any two
    of its releases."""
    bus = secure_bus(4, baud=115_200).run(SECOND)

    def flood() -> None:
        for _ in range(2):
            bus.panel.command(0, RELEASE)
        bus.at(bus.now_ns + 5 * MS, flood)

    bus.at(bus.now_ns, flood)
    took = measured(bus, 4, 100, SECOND // 20)
    assert took.most <= 2 * alive(115_200, 4).most + 20
    addresses = [raw[2] for _, raw in bus.sent]
    commands = [at for at, (_, raw) in enumerate(bus.sent) if raw[2] == 0 and raw[7] == 0x17]
    assert len(commands) > 100
    for first, second in pairwise(commands):
        assert 0 in addresses[first + 1 : second]


def test_outputs_pass_lamps_and_no_other_output() -> None:
    """Locking never overtakes a release that was asked for before it; what was put back is the next of its kind."""
    queue = CommandQueue()
    lock = Output(0, OutputControl.OFF_ABORT_TIMER)
    for handle, command in enumerate((LAMP, RELEASE, LAMP, lock)):
        assert queue.add(Queued(handle, command, 0))
    first = queue.pop()
    queue.put_back(first)
    assert [queue.pop().handle for _ in range(4)] == [1, 3, 0, 2]
    lamp = Queued(9, LAMP, 0)
    assert queue.add(Queued(10, LAMP, 0)) and queue.add(Queued(11, RELEASE, 0))
    queue.put_back(lamp)
    assert [queue.pop().handle for _ in range(3)] == [11, 9, 10]
