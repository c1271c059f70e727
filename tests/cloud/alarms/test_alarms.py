"""Alarms on both engines: raised once, ended by the first event after them, acknowledged by name, in any order."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from cloud.gateways.gym import NOON_MS, add_gym
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.alarms import derive as derivation
from portillon_cloud.alarms.operations import (
    AlarmLine,
    UnknownAlarmError,
    acknowledge,
    open_alarms,
    past_alarms,
    unacknowledged,
)
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.intake import take_in
from portillon_cloud.database import Database
from portillon_cloud.doors.tables import door_order_change
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_rules.decision import TimeQuality
from portillon_wire.alarm_classes import Alarm, AlarmClass
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent, Way
from sqlalchemy import Connection, insert


def event(sequence: int, kind: str, *, door: str | None = "front", **fields: object) -> JournalEvent:
    at_ms = NOON_MS + sequence * 1_000
    at = EventTime(
        boot_id="b1", boot_ns=sequence * 10**9, real_ms=at_ms, business_ms=at_ms, quality=TimeQuality.CERTAIN
    )
    return JournalEvent.model_validate({"sequence": sequence, "kind": kind, "at": at, "door": door, **fields})


def give(db: Database, sender: Sender, *events: JournalEvent, journal: str = "j1") -> None:
    """A batch arrives, as the gateway link takes it in."""
    batch = JournalBatch(journal_id=journal, events=events)
    with db.write() as conn:
        taken = take_in(conn, batch, sender=sender, now_ms=1)
        derivation.derive(
            conn, batch.events, fresh=taken.fresh, sender=sender, journal_id=journal, ordinal=taken.ordinal
        )


def now_open(db: Database, sender: Sender) -> list[AlarmLine]:
    with db.read() as conn:
        return open_alarms(conn, sender.organisation_id)


def ana(sender: Sender) -> Principal:
    return Principal(
        kind=PrincipalKind.STAFF,
        id=3,
        organisation_id=sender.organisation_id,
        name="Ana",
        role=Role.DESK,
        language="en",
    )


def say(db: Database, who: Principal, alarm_id: int, note: str = "", *, is_over: bool = False) -> None:
    with db.write() as conn:
        acknowledge(conn, principal=who, alarm_id=alarm_id, note=note, is_over=is_over, real_ms=NOON_MS)


@pytest.fixture
def sender(db: Database) -> Sender:
    with db.write() as conn:
        return add_gym(conn)


def test_an_alarm_is_raised_acknowledged_and_ended(db: Database, sender: Sender) -> None:
    """It stays on the list until both have happened, and then tells who, when and what was done."""
    give(db, sender, event(1, "door_forced", detail="opened without a grant"))
    (line,) = now_open(db, sender)
    assert (line.alarm, line.alarm_class, line.door, line.stands) == (Alarm.FORCED, AlarmClass.INTRUSION, "front", True)
    say(db, ana(sender), line.id, "went to look: a delivery")
    (line,) = now_open(db, sender)
    assert line.acknowledged is not None and (line.acknowledged.by, line.acknowledged.note) == (
        "Ana",
        "went to look: a delivery",
    )
    give(db, sender, event(2, "door_closed"))
    assert now_open(db, sender) == []
    with db.read() as conn:
        (past,) = past_alarms(conn, sender.organisation_id, limit=10)
    assert (past.stands, past.ended_at_ms) == (False, NOON_MS + 2_000)


def test_what_ended_unseen_stays_until_somebody_has_seen_it(db: Database, sender: Sender) -> None:
    """A door that was forced at night is on the list in the morning although it is closed again."""
    give(db, sender, event(1, "door_forced"), event(2, "door_closed"))
    (line,) = now_open(db, sender)
    assert not line.stands and line.acknowledged is None
    say(db, ana(sender), line.id)
    assert now_open(db, sender) == []


def test_a_fire_tells_who_reset_it(db: Database, sender: Sender) -> None:
    """Raised by the loop, ended by a person; the doors' own restart ends nothing."""
    give(
        db,
        sender,
        event(1, "fire", door=None, by="fire-loop"),
        event(2, "gateway_started", door=None),
        event(3, "fire_input_restored", door=None),
    )
    (line,) = now_open(db, sender)
    assert (line.alarm, line.by, line.stands) == (Alarm.FIRE, "fire-loop", True)
    give(db, sender, event(4, "fire_reset", door=None, by="staff:3"))
    (line,) = now_open(db, sender)
    assert (line.stands, line.ended_by) == (False, "staff:3")


def test_repetitions_are_one_line_and_one_word_settles_them(db: Database, sender: Sender) -> None:
    """Three forced passages of a turnstile are one alarm three times; a fourth one later is a new one."""
    give(db, sender, *(event(n, "door_forced", way=Way.ENTRY) for n in (1, 2, 3)))
    (line,) = now_open(db, sender)
    assert (line.count, line.stands, line.first_at_ms) == (3, False, NOON_MS + 1_000)
    say(db, ana(sender), line.id)
    assert now_open(db, sender) == []
    give(db, sender, event(4, "door_forced", way=Way.ENTRY))
    (line,) = now_open(db, sender)
    assert (line.count, line.acknowledged) == (1, None)


def test_a_person_may_say_that_it_is_over(db: Database, sender: Sender) -> None:
    """For what no event ends, such as a box replaced with its door open; the first word counts, and both are kept."""
    give(db, sender, event(1, "tamper", door=None, by="box"))
    (line,) = now_open(db, sender)
    say(db, ana(sender), line.id, "seen")
    say(db, ana(sender), line.id, "box replaced", is_over=True)
    say(db, ana(sender), line.id, "again", is_over=True)
    assert now_open(db, sender) == []
    with db.read() as conn:
        (past,) = past_alarms(conn, sender.organisation_id, limit=10)
    assert past.acknowledged is not None and past.closed is not None
    assert (past.acknowledged.note, past.closed.note) == ("seen", "box replaced")


def test_the_most_urgent_unseen_comes_first(db: Database, sender: Sender) -> None:
    """Life before intrusion before a door left open before a broken reader; what somebody has seen comes last."""
    give(
        db,
        sender,
        event(1, "reader_fault", reader="r"),
        event(2, "fire", door=None),
        event(3, "door_held"),
        event(4, "door_forced", door="back"),
    )
    classes = [line.alarm_class for line in now_open(db, sender)]
    assert classes == [AlarmClass.LIFE, AlarmClass.INTRUSION, AlarmClass.ACCESS, AlarmClass.TECHNICAL]
    say(db, ana(sender), now_open(db, sender)[0].id)
    assert now_open(db, sender)[-1].alarm is Alarm.FIRE
    with db.read() as conn:
        assert unacknowledged(conn, sender.organisation_id) == 3


def test_another_gyms_alarms_do_not_exist(db: Database, sender: Sender) -> None:
    """Neither listed, nor counted, nor to be acknowledged."""
    give(db, sender, event(1, "fire", door=None))
    (line,) = now_open(db, sender)
    with db.write() as conn:
        other = add_gym(conn, gateway_id="other")
    with db.read() as conn:
        assert open_alarms(conn, other.organisation_id) == [] and unacknowledged(conn, other.organisation_id) == 0
    with pytest.raises(UnknownAlarmError):
        say(db, ana(other), line.id)


def test_a_later_journal_ends_what_an_earlier_one_raised_and_never_the_reverse(db: Database, sender: Sender) -> None:
    """The rest of a journal that was set aside comes late: its old closing does not end a new alarm."""
    give(db, sender, event(1, "door_forced"))
    give(db, sender, event(1, "door_closed"), event(2, "door_held"), journal="j2")
    give(db, sender, event(2, "door_closed"))
    alarms = {line.alarm: line for line in now_open(db, sender)}
    assert alarms[Alarm.HELD].stands and not alarms[Alarm.FORCED].stands
    assert alarms[Alarm.FORCED].ended_at_ms == NOON_MS + 2_000  # the closing in its own journal was the first


def on_site(sequence: int, **fields: object) -> JournalEvent:
    """Somebody takes note at the gateway itself."""
    fields = {"by": "local:pi", "door": None, **fields}
    return event(sequence, "alarm_acknowledged", **fields)


def add_second_gateway(conn: Connection, sender: Sender) -> Sender:
    more = {"id": "second", "name": "Back", "mode": "live", "enrolled_at_ms": 0}
    conn.execute(insert(gateway).values(organisation_id=sender.organisation_id, site_id=sender.site_id, **more))
    return Sender(organisation_id=sender.organisation_id, site_id=sender.site_id, gateway_id="second")


def seen(db: Database, sender: Sender) -> list[tuple[Alarm, str, str]]:
    """What is open, with whoever took note of it."""
    return sorted((one.alarm, one.door or "", said_by(one)) for one in now_open(db, sender))


def said_by(line: AlarmLine) -> str:
    return line.acknowledged.by if line.acknowledged else ""


def test_a_word_said_at_the_gateway_counts_in_the_cloud(db: Database, sender: Sender) -> None:
    """By whom, when and with which note; of what is raised later nobody has taken note."""
    give(db, sender, event(1, "door_held"), on_site(2, reason="held", detail="wedge removed"))
    (line,) = now_open(db, sender)
    word = line.acknowledged
    assert word is not None and (word.by, word.at_ms, word.note) == ("local:pi", NOON_MS + 2_000, "wedge removed")
    give(db, sender, event(3, "door_closed"), event(4, "door_held"))
    assert seen(db, sender) == [(Alarm.HELD, "front", "")]


def test_a_word_said_on_site_is_about_its_alarm_and_its_door(db: Database, sender: Sender) -> None:
    """Another kind, another door and another gateway's alarms are still to be seen; all means all of that gateway's."""
    give(db, sender, event(1, "door_held"), event(2, "door_held", door="back"), event(3, "tamper", by="box"))
    with db.write() as conn:
        other = add_second_gateway(conn, sender)
    give(db, other, event(1, "door_held"))
    give(db, sender, on_site(4, reason="held", door="back"))
    unseen = [(alarm, door) for alarm, door, by in seen(db, sender) if not by]
    assert unseen == [(Alarm.HELD, "front"), (Alarm.HELD, "front"), (Alarm.TAMPER, "front")]
    give(db, sender, on_site(5))
    assert [by for _, _, by in seen(db, sender)].count("") == 1


def test_the_first_word_on_site_counts_and_one_from_the_desk_stays(db: Database, sender: Sender) -> None:
    """Whichever comes in first; but who has said at the desk that they look after it is not replaced."""
    give(db, sender, event(1, "door_held"), on_site(9, by="local:ben"))
    give(db, sender, on_site(5, by="local:ana"))
    assert seen(db, sender) == [(Alarm.HELD, "front", "local:ana")]
    give(db, sender, event(10, "door_held", door="back"))
    (unseen,) = [line for line in now_open(db, sender) if line.acknowledged is None]
    say(db, ana(sender), unseen.id)
    give(db, sender, on_site(11, by="local:ben"))
    assert (Alarm.HELD, "back", "Ana") in seen(db, sender)


def test_a_word_without_a_time_is_taken_all_the_same(db: Database, sender: Sender) -> None:
    """A gateway that has just been switched on does not know when it is."""
    at = EventTime(boot_id="b1", boot_ns=1, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)
    give(db, sender, event(1, "door_held"), on_site(2).model_copy(update={"at": at}))
    (line,) = now_open(db, sender)
    assert line.acknowledged is not None and line.acknowledged.at_ms is None


def ordered(db: Database, sender: Sender, at_ms: int, standing: str | None, by: str, door: str = "*") -> None:
    """The desk has given an order, or withdrawn it."""
    whose = {"organisation_id": sender.organisation_id, "site_id": sender.site_id, "given_by": by, "given_by_id": by}
    with db.write() as conn:
        conn.execute(
            insert(door_order_change).values(**whose, door=door, standing=standing, at_ms=at_ms, at_real_ms=at_ms)
        )


def test_a_lockdown_that_was_withdrawn_names_who_withdrew_it(db: Database, sender: Sender) -> None:
    """The gateway cannot know; an earlier order's end, or another door's, is not taken for it."""
    ordered(db, sender, NOON_MS - 50_000, "lockdown", "staff:1")
    ordered(db, sender, NOON_MS - 40_000, None, "staff:1")
    ordered(db, sender, NOON_MS + 1_000, "lockdown", "staff:3")
    give(db, sender, event(1, "lockdown_began", door=None, by="staff:3", reason="order"))
    ordered(db, sender, NOON_MS + 400_000, None, "staff:4")
    ordered(db, sender, NOON_MS + 400_000, None, "staff:5", door="back")
    give(db, sender, event(401, "lockdown_ended", door=None, reason="order"))
    (line,) = now_open(db, sender)
    assert (line.stands, line.by, line.ended_by) == (False, "staff:3", "staff:4")


def test_a_lockdown_whose_time_was_over_was_ended_by_nobody(db: Database, sender: Sender) -> None:
    """Whoever withdrew the one before did not end this one, nor did who began it; at the gateway, who did is told."""
    ordered(db, sender, NOON_MS - 40_000, None, "staff:1")
    ordered(db, sender, NOON_MS + 1_000, "lockdown", "staff:3")
    give(
        db,
        sender,
        event(1, "lockdown_began", door=None, by="staff:3", reason="order"),
        event(300, "lockdown_ended", door=None, reason="order"),
        event(301, "lockdown_began", door="back", by="local:pi", reason="local_order"),
        event(302, "lockdown_ended", door="back", by="local:ana", reason="local_order"),
    )
    ends = {line.door: line.ended_by for line in now_open(db, sender)}
    assert ends == {None: None, "back": "local:ana"}


STORY = (
    event(1, "door_held"),
    event(2, "door_closed"),
    event(3, "door_held"),
    event(4, "passage"),
    event(5, "door_forced", door="back"),
    event(6, "gateway_started", door=None),
    event(7, "tamper", by="box"),
    event(8, "door_held"),
    event(9, "alarm", reason="duress"),
    on_site(10, reason="held", door="front"),
    on_site(11, by="local:ben"),
    event(12, "door_held", door="back"),
)


def outcome(db: Database, batches: Sequence[Sequence[JournalEvent]]) -> list[tuple[object, ...]]:
    with db.write() as conn:
        sender = add_gym(conn, gateway_id=f"gw-{outcome_count()}")
    for batch in batches:
        give(db, sender, *batch)
    return sorted(
        (line.alarm, line.door or "", line.count, line.stands, said_by(line), line.first_at_ms, line.last_at_ms)
        for line in now_open(db, sender)
    )


_made = iter(range(10**9))


def outcome_count() -> int:
    return next(_made)


@pytest.fixture(scope="module")
def one_db(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("alarms") / "portillon.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@given(order=st.permutations(range(len(STORY))), cuts=st.sets(st.integers(1, len(STORY) - 1)), twice=st.booleans())
def test_order_and_repetition_of_delivery_change_nothing(
    one_db: Database, order: list[int], cuts: set[int], twice: bool
) -> None:
    """However batches overtake each other or come again, the alarms are those of the events in their own order."""
    shuffled = [STORY[n] for n in order]
    bounds = [0, *sorted(cuts), len(STORY)]
    batches = [sorted(shuffled[a:b], key=lambda one: one.sequence) for a, b in pairwise(bounds)]
    expected = outcome(one_db, [STORY])
    assert [line[:5] for line in expected] == [
        (Alarm.HELD, "back", 1, True, ""),
        (Alarm.HELD, "front", 1, True, "local:pi"),
        (Alarm.TAMPER, "front", 1, True, "local:ben"),
    ]
    assert outcome(one_db, batches * (2 if twice else 1)) == expected


def test_ablation_without_remembered_ends_an_overtaken_alarm_stands_for_ever(
    db: Database, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of ends is what an alarm finds that comes after its own end."""
    monkeypatch.setattr(derivation, "_first_end", lambda *_: {})
    give(db, sender, event(2, "door_closed"))
    give(db, sender, event(1, "door_held"))
    assert [line.stands for line in now_open(db, sender)] == [True]


def test_ablation_without_remembered_words_an_overtaken_alarm_is_never_seen(
    db: Database, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of words said on site is what an alarm finds that comes after its own acknowledgement."""
    give(db, sender, on_site(2))
    give(db, sender, event(1, "door_held"))
    assert seen(db, sender) == [(Alarm.HELD, "front", "local:pi")]
    monkeypatch.setattr(derivation, "_first_word", lambda *_: None)
    give(db, sender, on_site(4))
    give(db, sender, event(3, "door_held", door="back"))
    assert (Alarm.HELD, "back", "") in seen(db, sender)
