"""The control panel with good readers: service, cards, commands, and the bounds of its queue."""

from dataclasses import replace

import pytest
from drivers.osdp.virtual_bus import SECOND, VirtualBus, key_of, secure_bus
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_drivers.osdp import commands
from portillon_drivers.osdp.command_queue import QUEUE_MAX
from portillon_drivers.osdp.commands import Blink, Buzzer, Colour, ComSet, KeepActive, Led, Output, OutputControl, Text
from portillon_drivers.osdp.errors import CommandError, WeakKeyError
from portillon_drivers.osdp.frame import BROADCAST, Frame, encode
from portillon_drivers.osdp.panel import ControlPanel, PanelReader, Security
from portillon_drivers.osdp.panel_events import (
    CardRead,
    ChannelLost,
    CommandDone,
    FormattedCardRead,
    KeysPressed,
    KeyUsed,
    LineFault,
    Outcome,
    ReaderFound,
    ReaderOffline,
    ReaderOnline,
    SecurityRefused,
    StatusChanged,
    VendorReply,
)
from portillon_drivers.osdp.reader_simulator import CAPABILITIES, IDENTITY, OsdpReaderSimulator
from portillon_drivers.osdp.replies import Com, LocalStatus, NakReason, VendorData
from portillon_drivers.osdp.timing import COMMAND_WAIT_NS, MS

CARD = "10100001100000011111010001"
CLEAR = Security.INSECURE_CLEAR_TEXT


def clear_bus(crc: bool = True) -> VirtualBus:
    return VirtualBus([PanelReader(0, CLEAR, crc=crc)], [OsdpReaderSimulator(0, insists_on_channel=False)])


def done(bus: VirtualBus, handle: int) -> CommandDone:
    (event,) = [event for event in bus.told(CommandDone) if event.handle == handle]
    return event


@pytest.mark.parametrize("baud", [9_600, 19_200, 38_400, 57_600, 115_200, 230_400])
def test_a_reader_comes_into_service_and_its_cards_are_told(baud: int) -> None:
    """At every speed of the standard: online in the channel, identity and capabilities known, then cards and keys."""
    bus = secure_bus(2, baud=baud).run(2 * SECOND)
    online = bus.told(ReaderOnline)
    assert [(event.address, event.secure, event.key) for event in online] == [
        (0, True, KeyUsed.SCBK),
        (1, True, KeyUsed.SCBK),
    ]
    assert (online[0].identity, online[0].capabilities) == (IDENTITY, CAPABILITIES)
    bus.forget()
    bus.simulators[0].card(CARD)
    bus.simulators[0].formatted_card("4711")
    bus.simulators[1].keys("12*#")
    bus.run(SECOND)
    assert bus.told(CardRead) == [CardRead(0, CARD, wiegand=True)]
    assert bus.told(FormattedCardRead) == [FormattedCardRead(0, b"4711")]
    assert bus.told(KeysPressed) == [KeysPressed(1, b"12\x7f\r")]
    assert not bus.told(LineFault)


def test_tamper_and_power_are_told_at_once_and_when_found() -> None:
    """How a reader is found is told once, then every change, and after an absence again."""
    bus = secure_bus(1)
    bus.simulators[0].tampered = True
    bus.run(SECOND)
    assert [event.tamper for event in bus.told(StatusChanged) if event.tamper is not None] == [True]
    assert [event.inputs for event in bus.told(StatusChanged) if event.inputs] == [(False, False)]
    bus.forget()
    bus.simulators[0].status(tampered=False, power_failed=True)
    bus.run(SECOND)
    assert bus.told(StatusChanged) == [StatusChanged(0, tamper=False, power_failure=True)]


@pytest.mark.parametrize(
    "command",
    [
        Led(permanent=Blink(Colour.GREEN)),
        Led(temporary=Blink(Colour.RED, on_ds=2, off_ds=2), timer_ds=20),
        Buzzer(repeats=3),
        Text("BONJOUR"),
        Output(1, OutputControl.ON_FOR_TIME, 30),
        KeepActive(500),
        commands.LocalStatusRequest(),
        commands.InputStatusRequest(),
        commands.OutputStatusRequest(),
        commands.ReaderStatusRequest(),
        commands.IdRequest(),
        commands.CapabilitiesRequest(),
    ],
    ids=lambda command: type(command).__name__,
)
@pytest.mark.parametrize("secure", [True, False])
def test_every_command_arrives_and_is_reported_done(command: commands.Command, secure: bool) -> None:
    """The reader carries out what was asked, and whoever asked hears it, once."""
    bus = (secure_bus(1) if secure else clear_bus()).run(SECOND)
    handle = bus.panel.command(0, command)
    bus.run(100 * MS)
    assert done(bus, handle).outcome is Outcome.DONE
    assert bus.simulators[0].done[-1] == command


def test_comset_tells_what_the_reader_took() -> None:
    """The answer to a new address and speed comes with the outcome; who is asked there is the caller's business."""
    bus = secure_bus(1).run(SECOND)
    handle = bus.panel.command(0, ComSet(7, 9_600))
    bus.run(100 * MS)
    assert done(bus, handle).reply == Com(7, 9_600)


def test_status_answers_come_with_the_outcome() -> None:
    """Whoever asks for a state gets it, even if it is no news."""
    bus = secure_bus(1).run(SECOND)
    bus.forget()
    handle = bus.panel.command(0, commands.LocalStatusRequest())
    bus.run(100 * MS)
    assert done(bus, handle).reply == LocalStatus(False, False)
    assert not bus.told(StatusChanged)


def test_an_unknown_command_is_refused_and_the_reader_goes_on() -> None:
    """NAK 3 is the command's outcome, not the reader's death."""
    bus = secure_bus(1).run(SECOND)
    handle = bus.panel.command(0, commands.Vendor(0xCA446C, b"?"))
    bus.run(SECOND)
    assert (done(bus, handle).outcome, done(bus, handle).nak) == (Outcome.REFUSED, NakReason.UNKNOWN_COMMAND)
    assert not bus.told(ReaderOffline) and not bus.told(ChannelLost)


def test_a_vendors_reply_is_passed_on_unread() -> None:
    """What a manufacturer's own message says, only the caller can know."""
    bus = clear_bus().run(SECOND)
    bus.simulators[0]._waiting.append(VendorData(0xCA446C, b"abc"))
    bus.run(100 * MS)
    assert bus.told(VendorReply) == [VendorReply(0, 0xCA446C, b"abc")]


def test_the_queue_is_bounded() -> None:
    """More commands than the queue holds are dropped at once and told, the rest are carried out in order."""
    bus = secure_bus(1).run(SECOND)
    handles = [bus.panel.command(0, Text(f"{number}")) for number in range(QUEUE_MAX + 3)]
    bus.run(2 * SECOND)
    assert [done(bus, handle).outcome for handle in handles] == [Outcome.DONE] * QUEUE_MAX + [Outcome.QUEUE_FULL] * 3
    shown = [command.text for command in bus.simulators[0].done if isinstance(command, Text)]
    assert shown == [f"{number}" for number in range(QUEUE_MAX)]


def test_a_command_that_waited_too_long_is_never_sent() -> None:
    """A door does not open five seconds after it was asked to: not when the reader is busy, not when it was cut off."""
    bus = secure_bus(1).run(SECOND)
    bus.cut.add(0)
    bus.run(300 * MS)
    first = bus.panel.command(0, Output(0, OutputControl.ON_FOR_TIME, 10))
    bus.run(COMMAND_WAIT_NS + SECOND)
    assert done(bus, first).outcome is Outcome.TIMED_OUT
    bus.cut.clear()
    bus.run(2 * SECOND)
    assert not bus.simulators[0].display.outputs


def test_a_command_in_flight_when_the_wire_is_cut_is_not_repeated_later() -> None:
    """It is asked twice at most, within half a second, then it has no verdict."""
    bus = secure_bus(1).run(SECOND)
    bus.cut.add(0)
    handle = bus.panel.command(0, Output(0, OutputControl.ON_FOR_TIME, 10))
    bus.run(700 * MS)
    assert done(bus, handle).outcome is Outcome.TIMED_OUT
    bus.cut.clear()
    bus.run(2 * SECOND)
    assert not bus.simulators[0].display.outputs


def test_a_reader_out_of_service_takes_no_command() -> None:
    """The caller hears at once, and what waited when the reader went offline is told too."""
    bus = secure_bus(2)
    bus.cut.add(1)
    bus.run(SECOND)
    assert done_after(bus, bus.panel.command(1, Text("?"))).outcome is Outcome.READER_OFFLINE
    handle = bus.panel.command(0, Text("?"))
    bus.events += [(bus.now_ns, event) for event in bus.panel.line_lost(bus.now_ns)]
    assert done(bus, handle).outcome is Outcome.READER_OFFLINE


def done_after(bus: VirtualBus, handle: int) -> CommandDone:
    bus.run(50 * MS)
    return done(bus, handle)


@pytest.mark.parametrize("after_ms", [0, 1, 3, 10])
def test_a_command_in_flight_when_the_port_is_lost_ends_once(after_ms: int) -> None:
    """Whatever was on its way is told offline, and nothing comes later."""
    bus = secure_bus(1).run(SECOND)
    handle = bus.panel.command(0, Text("?"))
    bus.cut.add(0)
    bus.run(after_ms * MS)
    bus.events += [(bus.now_ns, event) for event in bus.panel.line_lost(bus.now_ns)]
    bus.cut.clear()
    bus.run(3 * SECOND)
    assert done(bus, handle).outcome is Outcome.READER_OFFLINE


@pytest.mark.parametrize("seed", range(12))
def test_every_command_ends_exactly_once(seed: int) -> None:
    """Under cuts, restarts, noise, busy readers, lost ports and files broken off, each handle comes back once."""
    bus = secure_bus(3, seed=seed).run(SECOND)
    chance = bus.chance
    handles: list[int] = []

    def dirty(raw: bytes) -> bytes:
        return raw if chance.random() > 0.05 else raw[: chance.randrange(len(raw))]

    def something(bus: VirtualBus, address: int) -> None:
        match chance.randrange(10):
            case 0:
                bus.cut.symmetric_difference_update({address})
            case 1:
                bus.simulators[address].lose_power()
            case 2:
                bus.simulators[address].misbehaviour.busy_for = chance.randrange(30)
            case 3:
                handles.append(bus.panel.command(address, commands.FileTransfer(1, bytes(5_000))))
            case 4:
                handles.append(bus.panel.command(address, commands.KeySet(chance.randbytes(16))))
            case 5 if handles:
                bus.panel.cancel(address, chance.choice(handles))
            case 6 if chance.random() < 0.2:
                bus.events += [(bus.now_ns, event) for event in bus.panel.line_lost(bus.now_ns)]
            case _:
                handles.append(bus.panel.command(address, Text("?")))

    bus.to_panel = bus.to_reader = dirty
    for _ in range(150):
        something(bus, chance.randrange(3))
        bus.run(int(chance.expovariate(4) * SECOND))
    bus.cut.clear()
    bus.to_panel = bus.to_reader = bytes
    bus.run(30 * SECOND)
    ended = [event.handle for event in bus.told(CommandDone)]
    assert sorted(ended) == sorted(handles)
    bus.forget()
    bus.run(2 * SECOND)
    for address in range(3):
        bus.simulators[address].card(CARD)
    bus.run(SECOND)
    assert {event.address for event in bus.told(CardRead)} == {0, 1, 2}


def test_a_waiting_command_can_be_cancelled() -> None:
    """What was taken back is not sent."""
    bus = secure_bus(1).run(SECOND)
    bus.panel.command(0, Text("A"))
    handle = bus.panel.command(0, Text("B"))
    bus.panel.cancel(0, handle)
    bus.run(SECOND)
    assert done(bus, handle).outcome is Outcome.CANCELLED
    assert bus.simulators[0].display.text == Text("A")


def test_impossible_commands_are_refused_to_the_caller() -> None:
    """A number out of range, a weak key and an unknown address never reach the bus."""
    panel = secure_bus(1).panel
    with pytest.raises(CommandError):
        panel.command(0, Buzzer(on_ds=300))
    with pytest.raises(WeakKeyError):
        panel.command(0, commands.KeySet(bytes(16)))
    with pytest.raises(KeyError):
        panel.command(5, Buzzer())


@pytest.mark.parametrize("addresses", [[1, 1], [-1], [128]])
def test_clashing_addresses_are_refused(addresses: list[int]) -> None:
    """Two readers at one address would answer each other's polls."""
    with pytest.raises(ValueError, match="address of its own"):
        ControlPanel([PanelReader(address, CLEAR) for address in addresses], baud=9_600, random=bytes)


def test_a_scan_finds_who_is_there_and_polls_nobody() -> None:
    """Identity and capabilities in clear, then silence; an empty address is told; asked for both checks."""
    readers = [PanelReader(address, Security.IDENTIFY_ONLY) for address in range(8)]
    bus = VirtualBus(readers, [OsdpReaderSimulator(3, key_of(3))]).run(5 * SECOND)
    assert bus.told(ReaderFound) == [ReaderFound(3, IDENTITY, CAPABILITIES)]
    assert sorted(event.address for event in bus.told(ReaderOffline)) == [0, 1, 2, 4, 5, 6, 7]
    asked = {raw[6] for _, raw in bus.sent}
    assert asked == {commands.IdRequest.CODE, commands.CapabilitiesRequest.CODE}
    bus.forget()
    bus.run(10 * SECOND)
    assert not bus.sent and not bus.events


def test_the_broadcast_address_finds_a_lone_reader() -> None:
    """A reader whose address nobody knows answers to 7F."""
    bus = VirtualBus([PanelReader(BROADCAST, Security.IDENTIFY_ONLY)], [OsdpReaderSimulator(42)]).run(SECOND)
    assert [event.identity for event in bus.told(ReaderFound)] == [IDENTITY]


def test_a_reader_that_will_not_say_who_it_is_is_told() -> None:
    """A scan's refusal is an answer too: somebody is there."""
    simulator = OsdpReaderSimulator(0)
    simulator.misbehaviour.nak = NakReason.SECURITY_CONDITIONS
    bus = VirtualBus([PanelReader(0, Security.IDENTIFY_ONLY)], [simulator]).run(SECOND)
    assert bus.told(SecurityRefused) and "somebody is there" in bus.told(ReaderOffline)[0].why


chunks = st.lists(
    st.tuples(
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                lambda sequence, body, reply: encode(Frame(0, reply, sequence, body)),
                st.integers(0, 3),
                st.binary(min_size=1, max_size=40),
                st.booleans(),
            ),
        ),
        st.integers(0, 300 * MS),
    ),
    max_size=30,
)


@given(chunks=chunks, security=st.sampled_from(Security))
@settings(max_examples=60)
def test_any_bytes_at_any_time_are_taken(chunks: list[tuple[bytes, int]], security: Security) -> None:
    """Whatever a line brings, whenever: no exception, the panel's memory bounded, and time never stands still."""
    reader = PanelReader(0, security, scbk=key_of(0) if security is Security.REQUIRED else None)
    bus = VirtualBus([reader], [OsdpReaderSimulator(0, key_of(0), insists_on_channel=False)])
    for chunk, pause_ns in chunks:
        bus.run(pause_ns)
        bus.events += [(bus.now_ns, event) for event in bus.panel.receive(chunk, bus.now_ns)]
    bus.run(SECOND)


def test_a_reader_keeps_its_place_in_the_settings() -> None:
    """Readers differ in what they may do on one bus: a clear one beside a secure one."""
    bus = VirtualBus(
        [PanelReader(0, scbk=key_of(0)), replace(PanelReader(1), security=CLEAR)],
        [OsdpReaderSimulator(0, key_of(0)), OsdpReaderSimulator(1, insists_on_channel=False)],
    ).run(SECOND)
    assert {(event.address, event.secure) for event in bus.told(ReaderOnline)} == {(0, True), (1, False)}
