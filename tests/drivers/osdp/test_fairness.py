"""Nobody waits for the dead: latencies of cards in virtual time, wire time counted, beside one reader that is gone."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import pytest
from drivers.osdp.virtual_bus import SECOND, VirtualBus, secure_bus
from portillon_drivers.osdp import bus_order
from portillon_drivers.osdp.commands import Blink, Colour, Led
from portillon_drivers.osdp.panel_events import CardRead, CommandDone, Outcome, ReaderOnline
from portillon_drivers.osdp.reader_session import ReaderSession
from portillon_drivers.osdp.timing import MS

BUSES = [(9_600, 1), (9_600, 4), (9_600, 16), (115_200, 1), (115_200, 4), (115_200, 16)]
"""Speed and number of living readers."""
REPLY_MS = 200


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from the card at the reader to the event."""

    p50: float
    p99: float
    most: float


def measured(bus: VirtualBus, living: int, cards: int, every_ns: int) -> Latencies:
    """Hold cards to the living readers in turn, at times that fit nothing."""
    bus.forget()
    shown: dict[str, int] = {}
    at_ns = bus.now_ns
    for number in range(cards):
        at_ns += int(bus.chance.uniform(0.6, 1.4) * every_ns)
        bits = f"{number:026b}"
        shown[bits] = at_ns
        bus.at(at_ns, lambda reader=number % living, bits=bits: bus.simulators[reader].card(bits))
    bus.run(at_ns + 3 * SECOND - bus.now_ns)
    took = sorted((told_ns - shown.pop(card.bits)) / MS for told_ns, card in cards_of(bus))
    assert not shown, "a card was lost"
    return Latencies(took[len(took) // 2], took[int(len(took) * 0.99)], took[-1])


def cards_of(bus: VirtualBus) -> list[tuple[int, CardRead]]:
    return [(at_ns, event) for at_ns, event in bus.events if isinstance(event, CardRead)]


def load(baud: int) -> tuple[int, int]:
    """How many cards, and how far apart: seldom enough that no two wait at one reader."""
    return (400, SECOND // 2) if baud == 9_600 else (300, SECOND // 12)


def settled(bus: VirtualBus, baud: int) -> VirtualBus:
    """Everybody is greeted: 16 greetings take their time at 9600 Bd."""
    return bus.run(10 * SECOND if baud == 9_600 else 3 * SECOND)


@cache
def alive(baud: int, living: int) -> Latencies:
    return measured(settled(secure_bus(living, baud=baud), baud), living, *load(baud))


def beside_the_dead(baud: int, living: int, *, ever_seen: bool) -> Latencies:
    bus = secure_bus(living + 1, baud=baud)
    if not ever_seen:
        bus.cut.add(living)
    settled(bus, baud)
    assert len(bus.told(ReaderOnline)) == living + ever_seen
    bus.cut.add(living)
    return measured(bus.run(4 * SECOND), living, *load(baud))


@pytest.mark.parametrize("ever_seen", [True, False], ids=["died", "never there"])
@pytest.mark.parametrize(("baud", "living"), BUSES)
def test_one_dead_reader_slows_nobody_beyond_the_bounds(baud: int, living: int, ever_seen: bool) -> None:
    """Beside a dead reader the median stays under twice, the 99th percentile under one reply time-out more."""
    before, beside = alive(baud, living), beside_the_dead(baud, living, ever_seen=ever_seen)
    assert beside.p50 <= 2 * before.p50
    assert beside.p99 <= before.p99 + REPLY_MS


def test_without_the_protection_the_dead_slow_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds hold because probes are rare and paced: ask the dead like the living, and they are broken."""
    monkeypatch.setattr(ReaderSession, "failed", lambda session, now_ns, *, corrupt: None)
    monkeypatch.setattr("portillon_drivers.osdp.reader_session.OFFLINE_NS", 1 << 61)
    before, beside = alive(115_200, 4), beside_the_dead(115_200, 4, ever_seen=True)
    assert beside.p50 > 2 * before.p50


@pytest.mark.parametrize(("baud", "number", "p50_ms", "p99_ms"), [(9_600, 1, 70, 100), (115_200, 8, 40, 60)])
def test_latency_is_what_the_line_allows(baud: int, number: int, p50_ms: float, p99_ms: float) -> None:
    """A card is told after about half a poll interval and its own time on the wire."""
    took = alive(baud, number)
    assert (took.p50 < p50_ms, took.p99 < p99_ms) == (True, True)


def test_a_dying_reader_costs_each_card_one_time_out_at_most() -> None:
    """Even in the seconds in which a reader dies no card of another waits for more than one time-out and a round."""
    bus = secure_bus(5, baud=115_200).run(5 * SECOND)
    before = alive(115_200, 4)
    bus.cut.add(4)
    dying = measured(bus, 4, 100, SECOND // 20)
    assert dying.most <= before.most + REPLY_MS + 10


def test_many_dead_readers_leave_most_of_the_bus_to_the_living() -> None:
    """With eight dead of twelve, the living still have their cards told in bounded time."""
    bus = secure_bus(12, baud=115_200)
    bus.run(5 * SECOND)
    bus.cut.update(range(4, 12))
    took = measured(bus.run(10 * SECOND), 4, 200, SECOND // 10)
    before = alive(115_200, 4)
    assert took.p50 <= 2 * before.p50
    assert took.most <= before.most + REPLY_MS + 20


def test_the_share_of_probes_is_what_bounds_many_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the living's share of the bus, eight dead readers take most of it."""
    monkeypatch.setattr(bus_order, "PROBE_SHARE", 0.0)
    bus = secure_bus(12, baud=115_200)
    bus.run(5 * SECOND)
    bus.cut.update(range(4, 12))
    took = measured(bus.run(10 * SECOND), 4, 200, SECOND // 10)
    assert took.p50 > 2 * alive(115_200, 4).p50


def test_commands_never_starve_cards() -> None:
    """With the queue never empty, a poll still follows every command, and cards come as fast as the wire allows."""
    bus = secure_bus(2, baud=115_200).run(SECOND)

    def flood() -> None:
        for address in (0, 1):
            for _ in range(2):
                bus.panel.command(address, Led(permanent=Blink(Colour.GREEN)))
        bus.at(bus.now_ns + 10 * MS, flood)

    bus.at(bus.now_ns, flood)
    took = measured(bus, 2, 100, SECOND // 20)
    assert took.most < 50
    bus.run(SECOND)
    outcomes = [done.outcome for done in bus.told(CommandDone)]
    assert outcomes.count(Outcome.DONE) > 200
    # SCS_17 is a command with data, SCS_15 a poll; bytes 6 and 7 after the mark are the security block's.
    kinds = [raw[7] for _, raw in bus.sent if raw[2] == 0]
    assert not [pair for pair in pairwise(kinds) if pair == (0x17, 0x17)]


def test_a_command_is_sent_at_once_on_an_idle_bus() -> None:
    """An LED's latency is one exchange, not a poll interval."""
    bus = secure_bus(1, baud=115_200).run(SECOND)
    bus.forget()
    bus.run(11 * MS)
    asked_ns = bus.now_ns
    bus.panel.command(0, Led(permanent=Blink(Colour.RED)))
    bus.run(100 * MS)
    assert (bus.when(CommandDone)[0] - asked_ns) / MS < 15
