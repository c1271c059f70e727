"""Every row reaches the cloud, and counts as delivered only by the cloud's own word."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.sync.effects import Acknowledge, ContestJournal, Record, SendEvents, UplinkEffect
from portillon_edge.sync.inputs import Connected, Disconnected, JournalSeen, Received, Tick
from portillon_edge.sync.uplink import ASK_AGAIN_NS, BATCH_ROWS, IN_FLIGHT_BATCHES, Uplink
from portillon_wire.messages import EventKind, JournalAck, encode
from portillon_wire.topics import Down

S = 1_000_000_000


def ack(through: int, journal: str = "j1", *, conflict: bool = False, retained: bool = False) -> Received:
    return Received(Down.ACK, encode(JournalAck(journal_id=journal, through=through, conflict=conflict)), retained)


def seen(last: int, *, journal: str = "j1", acknowledged: int = 0, epoch: int = 1) -> JournalSeen:
    return JournalSeen(journal, epoch, acknowledged, last)


@pytest.fixture
def uplink() -> Uplink:
    made = Uplink(jitter=random.Random(1))
    made.handle(Connected(), 0)
    return made


def test_a_new_row_leaves_at_once(uplink: Uplink) -> None:
    """No waiting for a batch to fill; and no second sending of what is under way."""
    assert uplink.handle(seen(1), 0) == [SendEvents("j1", 1, 1)]
    assert uplink.handle(seen(1), 1) == []
    assert uplink.handle(seen(3), 2) == [SendEvents("j1", 2, 3)]


def test_a_backlog_goes_in_bounded_batches(uplink: Uplink) -> None:
    """At most so many rows in a batch and so many batches under way; each acknowledgement lets the next one go."""
    sent = uplink.handle(seen(5_000), 0)
    assert sent == [SendEvents("j1", n * BATCH_ROWS + 1, (n + 1) * BATCH_ROWS) for n in range(IN_FLIGHT_BATCHES)]
    assert uplink.handle(ack(BATCH_ROWS), 1) == [Acknowledge("j1", 1, BATCH_ROWS), SendEvents("j1", 801, 1_000)]
    assert uplink.pending == 4_800


def test_nothing_counts_as_delivered_without_an_acknowledgement(uplink: Uplink) -> None:
    """Sent again after about 2, 4, 8 … 60 s, from the first row that the cloud did not confirm."""
    uplink.handle(seen(300), 0)
    uplink.handle(ack(200), S)
    sendings, now = [], S
    while now < 300 * S:
        deadline = uplink.deadline_ns
        assert deadline is not None
        now = max(now, deadline)
        sendings += [(now, effect) for effect in uplink.handle(Tick(), now)]
    assert {effect for _, effect in sendings} == {SendEvents("j1", 201, 300)}
    assert 6 <= len(sendings) <= 12
    pauses = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(sendings)]
    assert max(pauses) <= 75 * S


def test_a_new_connection_sends_what_was_under_way(uplink: Uplink) -> None:
    """The broker may have died with it."""
    uplink.handle(seen(10), 0)
    uplink.handle(Disconnected(), 1)
    assert uplink.handle(seen(12), 2) == [] and uplink.deadline_ns is None
    assert uplink.handle(Connected(), 3) == [SendEvents("j1", 1, 12)]


def test_old_and_repeated_acknowledgements_change_nothing(uplink: Uplink) -> None:
    """Only a higher one is passed on."""
    uplink.handle(seen(10), 0)
    assert uplink.handle(ack(6), 1) == [Acknowledge("j1", 1, 6)]
    assert uplink.handle(ack(6), 2) == [] and uplink.handle(ack(2), 3) == []
    assert uplink.handle(ack(10), 4) == [Acknowledge("j1", 1, 10)]
    assert uplink.deadline_ns is not None and uplink.deadline_ns > ASK_AGAIN_NS // 2  # nothing is under way any more


def test_a_cloud_that_has_less_than_it_had_gets_it_again(uplink: Uplink) -> None:
    """A restored cloud lost rows 5 to 10: new ones stay unacknowledged behind that hole until those come again."""
    uplink.handle(seen(10), 0)
    uplink.handle(ack(10), 1)
    uplink.handle(seen(12), 2)
    assert uplink.handle(ack(4), 3) == []
    assert uplink.handle(Tick(), 3 * S) == [SendEvents("j1", 5, 12)]
    assert uplink.handle(ack(12), 4 * S) == [Acknowledge("j1", 1, 12)]


def test_a_late_acknowledgement_is_not_taken_for_a_loss(uplink: Uplink) -> None:
    """A lower one that was only overtaken is forgotten as soon as the cloud's word goes on."""
    uplink.handle(seen(10), 0)
    uplink.handle(ack(10), 1)
    uplink.handle(seen(12), 2)
    uplink.handle(ack(4), 3)
    assert uplink.handle(ack(11), 4) == [Acknowledge("j1", 1, 11)]
    assert uplink.handle(Tick(), 5 * S) == [SendEvents("j1", 12, 12)]


def test_a_journal_that_has_nothing_to_send_asks_whether_the_cloud_still_has_it(uplink: Uplink) -> None:
    """With each connection and about once an hour its last row goes again; the same answer ends it."""
    uplink.handle(seen(10), 0)
    uplink.handle(ack(10), 1)
    assert uplink.handle(Disconnected(), 2) == [] and uplink.handle(Connected(), 3) == [SendEvents("j1", 10, 10)]
    assert uplink.handle(ack(10), 4) == []
    asked_ns = uplink.deadline_ns
    assert asked_ns is not None and 0.7 * ASK_AGAIN_NS < asked_ns < 1.3 * ASK_AGAIN_NS
    assert uplink.handle(Tick(), asked_ns - 1) == []
    assert uplink.handle(Tick(), asked_ns) == [SendEvents("j1", 10, 10)]


def test_a_cloud_that_lost_a_journal_to_which_nothing_is_added_gets_it_again(uplink: Uplink) -> None:
    """A set-aside journal that the cloud had whole: its answer to the last row shows that it has it no more."""
    uplink.handle(seen(10), 0)
    uplink.handle(ack(10), 1)
    uplink.handle(Disconnected(), 2)
    uplink.handle(Connected(), 3)
    assert uplink.handle(ack(4), 4) == []
    assert uplink.handle(Tick(), 4 * S) == [SendEvents("j1", 5, 10)]
    assert uplink.handle(ack(10), 5 * S) == [Acknowledge("j1", 1, 10)]


def test_a_journal_without_rows_asks_nothing(uplink: Uplink) -> None:
    """There is nothing that the cloud could have lost."""
    uplink.handle(seen(0), 0)
    assert uplink.deadline_ns is None
    uplink.handle(Disconnected(), 1)
    assert uplink.handle(Connected(), 2) == []


def test_rows_that_come_while_it_asks_go_at_once(uplink: Uplink) -> None:
    """The question holds up nobody."""
    uplink.handle(seen(10), 0)
    uplink.handle(ack(10), 1)
    uplink.handle(Disconnected(), 2)
    uplink.handle(Connected(), 3)
    assert uplink.handle(seen(12), 4) == [SendEvents("j1", 11, 12)]
    assert uplink.handle(ack(10), 5) == []
    assert uplink.handle(ack(12), 6) == [Acknowledge("j1", 1, 12)]


def test_several_journals_are_drained_together(uplink: Uplink) -> None:
    """A set-aside file, the memory ring and the current file each go up under their own id."""
    first = uplink.handle(seen(3, journal="old"), 0)
    second = uplink.handle(seen(2, journal="new"), 0)
    assert (first, second) == ([SendEvents("old", 1, 3)], [SendEvents("new", 1, 2)])
    assert uplink.handle(ack(3, "old"), 1) == [Acknowledge("old", 1, 3)]
    assert uplink.pending == 2


def test_a_new_epoch_sends_again_and_trusts_no_earlier_word(uplink: Uplink) -> None:
    """What a lost cloud acknowledged is sent again; its late word covers nothing that was not sent since."""
    uplink.handle(seen(1_000), 0)
    uplink.handle(ack(800), 1)
    resent = uplink.handle(seen(1_000, epoch=2), 2)
    assert resent[0] == SendEvents("j1", 1, 200)
    assert uplink.handle(ack(1_000), 3)[0] == Acknowledge("j1", 2, 800)


@pytest.mark.parametrize("bad", [ack(2, conflict=True), ack(99)])
def test_a_contested_journal_is_set_aside_with_an_alarm(uplink: Uplink, bad: Received) -> None:
    """Other content under the same numbers, or a cloud that knows more rows than there are: never acknowledged."""
    uplink.handle(seen(5), 0)
    effects = uplink.handle(bad, 1)
    assert [type(effect) for effect in effects] == [ContestJournal, Record]
    assert effects[1].kind is EventKind.ALARM  # type: ignore[union-attr]
    assert uplink.handle(seen(6), 2) == [] and uplink.handle(ack(6), 3) == []


@pytest.mark.parametrize(
    ("received", "reason"),
    [
        (Received(Down.ACK, b"junk"), "malformed"),
        (Received(Down.ACK, b'{"v":2,"journal_id":"j1","through":1}'), "unknown_version"),
        (ack(1, "stranger"), "unknown_journal"),
        (ack(1, retained=True), "retained"),
    ],
)
def test_an_acknowledgement_that_makes_no_sense_is_recorded(uplink: Uplink, received: Received, reason: str) -> None:
    """It acknowledges nothing."""
    uplink.handle(seen(5), 0)
    (record,) = uplink.handle(received, 1)
    assert isinstance(record, Record) and record.reason == reason
    assert uplink.pending == 5


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), trust_publish=st.just(False))
def test_every_row_arrives_whatever_is_lost(seed: int, trust_publish: bool) -> None:
    """Batches and acknowledgements lost, doubled and late, connections cut: in the end the cloud has every row."""
    assert _play(seed, trust_publish=trust_publish) == set(range(1, 501))


def test_ablation_rows_counted_as_delivered_when_published_are_lost() -> None:
    """If a publish counted as delivery, some seed would lose rows: the acknowledgement is what prevents it."""
    assert any(_play(seed, trust_publish=True) != set(range(1, 501)) for seed in range(10))


def _play(seed: int, *, trust_publish: bool) -> set[int]:
    chance = random.Random(seed)
    uplink, cloud, now, last = Uplink(jitter=chance), set[int](), 0, 0
    late: list[Received] = []

    def carry(effects: list[UplinkEffect]) -> None:
        for effect in effects:
            if not isinstance(effect, SendEvents):
                continue
            if chance.random() < 0.7:
                cloud.update(range(effect.first, effect.last + 1))
                through = next(n for n in range(1, 1_000) if n not in cloud) - 1
                if chance.random() < 0.7:
                    late.append(ack(through))
            if trust_publish:
                late.append(ack(effect.last))

    carry(uplink.handle(Connected(), now))
    while last < 500 or uplink.pending:
        now += S
        if last < 500:
            last = min(500, last + chance.randint(0, 40))
        if chance.random() < 0.05:
            carry(uplink.handle(Disconnected(), now) + uplink.handle(Connected(), now))
        carry(uplink.handle(seen(last), now))
        chance.shuffle(late)
        while late and chance.random() < 0.8:
            carry(uplink.handle(late.pop(), now))
        carry(uplink.handle(Tick(), now))
        assert now < 10_000 * S
    return cloud
