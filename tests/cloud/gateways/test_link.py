"""What arrives from gateways: used, or refused with an alarm; never a crash, never an acknowledgement too much."""

import json

import pytest
from cloud.gateways.conftest import Gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.attendance.intake import stored
from portillon_cloud.gateways.alarms import AlarmKind, alarms
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import (
    DeviceHealth,
    EventTime,
    JournalAck,
    JournalBatch,
    JournalEvent,
    Reported,
    Status,
    decode,
    encode,
)
from portillon_wire.topics import Up, up

JOURNAL = up("front", Up.JOURNAL)


def batch(*sequences: int, kind: str = "passage") -> bytes:
    at = EventTime(boot_id="b", boot_ns=1, real_ms=1, business_ms=1, quality=TimeQuality.CERTAIN)
    events = tuple(JournalEvent(sequence=sequence, kind=kind, at=at) for sequence in sequences)
    return encode(JournalBatch(journal_id="j1", events=events))


def alarm_kinds(gym: Gym) -> list[str]:
    with gym.db.read() as conn:
        return [one.kind for one in alarms(conn, gym.organisation_id)]


def test_a_journal_is_acknowledged_after_its_commit(gym: Gym, front: PretendGateway) -> None:
    """The answer names the journal and how far it is here."""
    (answer,) = gym.link.handle(JOURNAL, batch(1, 2))
    assert answer.topic == "portillon/v1/front/down/ack"
    assert decode(JournalAck, answer.payload) == JournalAck(journal_id="j1", through=2)
    with gym.db.read() as conn:
        assert stored(conn, "front") == 2


def test_a_conflict_is_an_alarm_and_no_acknowledgement(gym: Gym, front: PretendGateway) -> None:
    """Other content under the same number: said to the gateway and to the owner."""
    gym.link.handle(JOURNAL, batch(1, 2))
    (answer,) = gym.link.handle(JOURNAL, batch(2, 3, kind="denied"))
    assert decode(JournalAck, answer.payload) == JournalAck(journal_id="j1", through=2, conflict=True)
    assert alarm_kinds(gym) == [AlarmKind.JOURNAL_CONFLICT]


@pytest.mark.parametrize(
    ("topic", "payload", "retain", "kind"),
    [
        (JOURNAL, b'{"v":2,"journal_id":"j1","events":[]}', False, AlarmKind.UNKNOWN_VERSION),
        (JOURNAL, b"\x00\xff", False, AlarmKind.MALFORMED_MESSAGE),
        (JOURNAL, b'{"journal_id":"j1","events":[]}', False, AlarmKind.MALFORMED_MESSAGE),
        (up("front", Up.SYNC), b"[]", False, AlarmKind.MALFORMED_MESSAGE),
        (up("front", Up.STATUS), b"{" * 5_000, False, AlarmKind.MALFORMED_MESSAGE),
        (JOURNAL, batch(1), True, AlarmKind.RETAINED_MESSAGE),
    ],
)
def test_what_cannot_be_used_is_an_alarm(
    gym: Gym, front: PretendGateway, topic: str, payload: bytes, retain: bool, kind: AlarmKind
) -> None:
    """Unknown versions, junk and retained work are refused, counted and told; nothing is stored or acknowledged."""
    for _ in range(3):
        assert gym.link.handle(topic, payload, retain) == []
    with gym.db.read() as conn:
        (alarm,) = alarms(conn, gym.organisation_id)
        assert (alarm.kind, alarm.count) == (kind, 3)
        assert stored(conn, "front") == 0


@pytest.mark.parametrize("topic", ["portillon/v1/nobody/up/journal", "elsewhere", "portillon/v1/front/down/feed", ""])
def test_what_nobody_sent_is_dropped(gym: Gym, front: PretendGateway, topic: str) -> None:
    """Unknown gateways and topics change nothing."""
    assert gym.link.handle(topic, batch(1)) == []
    assert alarm_kinds(gym) == []


def test_an_old_will_does_not_end_a_new_birth(gym: Gym, front: PretendGateway) -> None:
    """The will of the connection before, or of the boot before, comes after the new birth and counts for nothing."""
    old_connection = front.will()
    gym.hand_over(front.birth())
    old_boot = front.will()
    gym.hand_over([old_connection])
    assert gym.status().online
    front.boot_id, front.connection = "boot-2", 0
    gym.hand_over(front.birth())
    gym.hand_over([old_boot])
    assert gym.status().online
    gym.hand_over([front.will()])
    assert not gym.status().online


def test_the_brokers_last_word_counts_after_we_were_away(gym: Gym, front: PretendGateway) -> None:
    """A retained will of a boot we never heard of: it was born and died while we were away."""
    will = Status(online=False, boot_id="boot-9", connection=3, software="x")
    gym.link.handle(up("front", Up.STATUS), encode(will))
    assert gym.status().online
    gym.link.handle(up("front", Up.STATUS), encode(will), True)
    assert not gym.status().online


def test_a_gateway_that_speaks_is_there(gym: Gym, front: PretendGateway) -> None:
    """A live report after a lost birth makes it online again."""
    gym.hand_over([front.will()])
    gym.hand_over([front.report()])
    assert gym.status().online


def test_health_is_kept_as_reported(gym: Gym, front: PretendGateway) -> None:
    """The last report of devices, doors and journal is what the pages show, retained or not."""
    reported = Reported(
        boot_id="boot-1",
        devices=(DeviceHealth(name="lane1-reader", kind="rdm6300", state="fault", detail="unplugged"),),
        doors=(),
        journal_pending=7,
        journal_writable=True,
        rules_version="1",
        software="0.1.0",
        at_ms=5,
    )
    gym.link.handle(up("front", Up.REPORTED), encode(reported), True)
    assert gym.status().reported == json.loads(encode(reported))
    assert gym.status().reported["devices"][0]["detail"] == "unplugged"


def test_everything_unconfirmed_is_sent_when_the_broker_returns(gym: Gym, front: PretendGateway) -> None:
    """A broker with an empty disk forgot what it carried; what a gateway lacks leaves at once."""
    gym.block(gym.accounts[0])
    gym.link.tick()
    (again,) = gym.link.returned()
    gym.talk(front.receive([again]), front)
    assert front.revision == gym.state().revision
    assert gym.link.returned() == []
