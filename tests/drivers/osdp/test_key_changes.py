"""A reader gets its key: from SCBK-D, in rotation, and with answers lost on the way."""

from drivers.osdp.secured_bus import bus_of, good, nothing_in_clear, refused
from drivers.osdp.virtual_bus import KEY, OTHER_KEY, SECOND
from portillon_drivers.osdp.commands import KeySet
from portillon_drivers.osdp.panel import PanelReader, Security
from portillon_drivers.osdp.panel_events import (
    CardRead,
    CommandDone,
    DefaultKeyUsed,
    KeyUsed,
    Outcome,
    ReaderOffline,
    ReaderOnline,
    Refusal,
    SecurityRefused,
)
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.osdp.replies import NakReason
from portillon_drivers.osdp.timing import MS

CARD = "1011" * 8


def test_commissioning_sets_a_key_and_the_reader_proves_it() -> None:
    """From SCBK-D to its own key: done is told only when the reader opened a channel with the new one."""
    bus = bus_of(PanelReader(0, commissioning_until_ns=60 * SECOND), OsdpReaderSimulator(0)).run(SECOND)
    bus.forget()
    handle = bus.panel.command(0, KeySet(KEY))
    bus.run(SECOND)
    assert bus.told(CommandDone) == [CommandDone(0, handle, Outcome.DONE)]
    assert [event.key for event in bus.told(ReaderOnline)] == [KeyUsed.SCBK]
    assert bus.simulators[0].scbk == KEY
    assert not bus.told(ReaderOffline) and not bus.told(DefaultKeyUsed)
    assert nothing_in_clear(bus)


def test_a_rotation_leaves_only_the_new_key() -> None:
    """After a proven rotation the old key opens nothing any more."""
    bus = good()
    handle = bus.panel.command(0, KeySet(OTHER_KEY))
    bus.run(SECOND)
    assert bus.told(CommandDone) == [CommandDone(0, handle, Outcome.DONE)]
    bus.simulators[0].scbk = KEY
    bus.simulators[0].lose_power()
    bus.run(5 * SECOND)
    assert refused(bus) == [Refusal.WRONG_KEY]


def test_a_lost_answer_to_a_new_key_is_settled_by_proof() -> None:
    """When nobody heard the answer to KEYSET, the next handshake says which key the reader has."""
    bus = good()
    handle = bus.panel.command(0, KeySet(OTHER_KEY))
    bus.to_panel = lambda answer: b""
    bus.run(500 * MS)
    assert bus.simulators[0].scbk == OTHER_KEY
    assert not bus.told(CommandDone)
    bus.to_panel = bytes
    bus.run(2 * SECOND)
    assert bus.told(CommandDone) == [CommandDone(0, handle, Outcome.DONE)]
    assert not bus.told(ReaderOffline)


def test_a_key_that_never_arrived_leaves_the_old_one() -> None:
    """When the KEYSET was lost, the reader proves the old key, and the command failed."""
    bus = good()
    handle = bus.panel.command(0, KeySet(OTHER_KEY))
    bus.cut.add(0)
    bus.run(700 * MS)
    bus.cut.clear()
    bus.run(2 * SECOND)
    (done,) = bus.told(CommandDone)
    assert (done.handle, done.outcome, done.detail) == (handle, Outcome.REFUSED, "it kept its old key")
    assert not bus.told(ReaderOffline)
    assert not bus.told(SecurityRefused)
    bus.panel.command(0, KeySet(OTHER_KEY))
    bus.run(SECOND)
    assert bus.told(CommandDone)[-1].outcome is Outcome.DONE


def test_a_refused_key_leaves_the_old_one_in_use() -> None:
    """NAK to KEYSET: told, and the reader stays in service with the key it had."""
    bus = good()
    bus.simulators[0].misbehaviour.refuses_keys = True
    bus.panel.command(0, KeySet(OTHER_KEY))
    bus.run(SECOND)
    (done,) = bus.told(CommandDone)
    assert (done.outcome, done.nak) == (Outcome.REFUSED, NakReason.SECURITY_CONDITIONS)
    bus.simulators[0].card(CARD)
    bus.run(SECOND)
    assert bus.told(CardRead) and not bus.told(ReaderOffline) and not bus.told(SecurityRefused)


def test_a_reader_lost_during_a_rotation_is_met_with_either_key() -> None:
    """After a restart of the gateway in the middle of a rotation, both keys are tried; which one it was is told."""
    for had, used in ((KEY, KeyUsed.SCBK), (OTHER_KEY, KeyUsed.OTHER_SCBK)):
        bus = bus_of(PanelReader(0, scbk=KEY, other_scbk=OTHER_KEY), OsdpReaderSimulator(0, had)).run(SECOND)
        assert [event.key for event in bus.told(ReaderOnline)] == [used]


def test_a_reader_offline_during_keyset_may_have_either_key() -> None:
    """Nobody knows: the outcome says so, and both keys stay good for its return."""
    bus = good()
    bus.panel.command(0, KeySet(OTHER_KEY))
    bus.to_panel = lambda answer: b""
    bus.run(10 * SECOND)
    assert [(done.outcome, done.detail) for done in bus.told(CommandDone)] == [
        (Outcome.READER_OFFLINE, "it may have either key")
    ]
    bus.to_panel = bytes
    bus.run(SECOND)
    assert bus.told(ReaderOnline)


def test_no_key_is_set_in_clear() -> None:
    """A reader that runs in clear text by its settings gets no key over the open wire."""
    reader = PanelReader(0, Security.INSECURE_CLEAR_TEXT)
    bus = bus_of(reader, OsdpReaderSimulator(0, insists_on_channel=False)).run(SECOND)
    bus.panel.command(0, KeySet(KEY))
    bus.run(SECOND)
    assert [done.outcome for done in bus.told(CommandDone)] == [Outcome.REFUSED]
    assert not [raw for _, raw in bus.sent if raw[6] == KeySet.CODE]
