"""News of the other gateways: what is missing is asked for, and how old they are is never told better than it is."""

import random
from collections.abc import Callable
from functools import partial

import pytest
from edge.feed_maker import GATEWAY, NOON_MS
from edge.sync.listener import MS, Listener, S, Teller
from portillon_edge.presence.news import UNHEARD_NS
from portillon_edge.sync.effects import Record
from portillon_edge.sync.inputs import Connected, Disconnected, Received
from portillon_edge.sync.presence_flow import (
    ALONE_BEAT_NS,
    BEAT_NS,
    FRESH_MS,
    GAP_NS,
    IN_FLIGHT_MS,
    AllTold,
    EpochEntered,
    PresenceFlow,
)
from portillon_wire.presence import PresenceNews, Seen, Unseen
from portillon_wire.signature import SigningKey
from portillon_wire.topics import Down


def seen(member: str, at_ms: int = NOON_MS) -> Seen:
    return Seen(member=member, zone="gym", at_ms=at_ms)


def news(after: int, through: int, *who: Seen, **more: object) -> PresenceNews:
    return PresenceNews.model_validate(
        {"gateway": GATEWAY, "after": after, "through": through, "seen": who, "others": 1, **more}
    )


def started(**how: bool) -> Listener:
    listener = Listener(**how)  # type: ignore[arg-type]
    listener.start()
    return listener


def test_after_a_start_everything_is_asked_for_and_nobody_counts_as_heard() -> None:
    """A site of which it is known that it has more gateways; until the cloud answers, presence is in doubt."""
    listener = started()
    assert [report.through for report in listener.take_reports()] == [0]
    assert not listener.fresh and listener.heard[0].fresh_until_ns == UNHEARD_NS
    listener.hear(news(0, 7, seen("anne"), heard_ms=NOON_MS))
    assert listener.fresh and listener.heard[-1].seen == (seen("anne"),) and listener.flow.through == 7


def test_a_site_with_one_gateway_is_always_fresh_and_says_little() -> None:
    """Off line from the start, and on line; the second gateway that is enrolled later is believed at once."""
    listener = started(others=False)
    assert listener.fresh and len(listener.take_reports()) == 1
    listener.hear(news(0, 0, others=0))
    listener.waits(24 * 3_600 * S)
    assert listener.fresh and len(listener.take_reports()) <= 24 * 3_600 * S // (ALONE_BEAT_NS * 0.9)
    listener.hear(news(0, 1, seen("anne")))
    assert not listener.fresh and listener.kept == [True]
    listener.waits(0)
    assert len(listener.take_reports()) == 1
    listener.hear(news(1, 1, heard_ms=listener.real_ms))
    assert listener.fresh
    listener.hear(news(0, 0, others=0))
    assert listener.kept == [True, False] and listener.heard[-1].fresh_until_ns is None


def test_presence_is_fresh_for_its_bound_and_not_a_nanosecond_longer() -> None:
    """Counted from the instant up to which the others were heard, not from the message that told it."""
    listener = started()
    listener.now_ns += 20 * S
    listener.hear(news(0, 0, heard_ms=NOON_MS + 5_000))
    until_ns = 10 * S + (5_000 + FRESH_MS) * MS
    assert listener.heard[-1].fresh_until_ns == until_ns
    listener.take(Disconnected())
    listener.now_ns = until_ns
    assert listener.fresh
    listener.now_ns += 1
    assert not listener.fresh


def test_news_that_were_long_under_way_make_nothing_fresh() -> None:
    """A broker that kept them for an hour, or somebody who plays them back: the members count, the time does not."""
    listener = started()
    old = news(0, 3, seen("anne"), heard_ms=NOON_MS)
    listener.now_ns += 3_600 * S
    listener.hear(old)
    assert listener.seen == {"anne": seen("anne")} and not listener.fresh
    listener.hear(news(3, 3, heard_ms=listener.real_ms))
    assert listener.fresh
    listener.hear(old)
    assert listener.fresh


def test_a_gap_is_asked_for_and_makes_nothing_fresh() -> None:
    """What came is used at once; the number stays, and what is missing is asked for within a second."""
    listener = started()
    listener.hear(news(0, 6, heard_ms=NOON_MS))
    listener.take_reports()
    fresh_until_ns = listener.heard[-1].fresh_until_ns
    listener.now_ns += 5 * S
    listener.hear(news(7, 8, seen("bea"), heard_ms=listener.real_ms))
    assert "bea" in listener.seen and listener.flow.through == 6
    assert listener.heard[-1].fresh_until_ns == fresh_until_ns
    listener.waits(2 * GAP_NS)
    assert [report.through for report in listener.take_reports()] == [6]
    listener.hear(news(6, 8, seen("anne"), seen("bea"), heard_ms=listener.real_ms))
    assert listener.flow.through == 8 and listener.heard[-1].fresh_until_ns != fresh_until_ns


def test_a_cloud_that_does_not_answer_is_asked_less_and_less_often() -> None:
    """Often within the first seconds, then about once in ten."""
    listener = started()
    listener.hear(news(0, 6))
    listener.hear(news(7, 8))
    listener.take_reports()
    listener.waits(300 * S)
    assert 20 <= len(listener.take_reports()) <= 35


def test_what_came_already_changes_nothing() -> None:
    """The broker delivers twice: no number goes back, nothing is asked for."""
    listener = started()
    listener.hear(news(0, 6))
    listener.hear(news(6, 7, seen("anne")))
    listener.hear(news(7, 8, seen("bea")))
    listener.take_reports()
    listener.hear(news(6, 7, seen("anne")))
    assert listener.flow.through == 8
    listener.waits(2 * GAP_NS)
    assert listener.take_reports() == []


def test_a_restored_cloud_begins_anew() -> None:
    """It has numbered less than this gateway heard; what comes from the beginning counts, and so does what follows."""
    listener = started()
    listener.hear(news(0, 100, seen("anne")))
    listener.hear(news(0, 80, seen("anne")))
    assert listener.flow.through == 80
    listener.hear(news(80, 81, seen("bea"), heard_ms=NOON_MS))
    assert listener.flow.through == 81 and listener.fresh


def test_a_new_epoch_asks_for_everything_again() -> None:
    """The cloud or this card was restored: nothing that was told before is taken for told."""
    listener = started()
    listener.take(AllTold())
    listener.hear(news(0, 100))
    listener.take_reports()
    listener.take(EpochEntered(2))
    listener.waits(0)
    (report,) = listener.take_reports()
    assert (report.epoch, report.through, report.told_ms) == (2, 0, None)


def test_more_is_asked_for_at_once() -> None:
    """A whole site does not fit into one answer; only with the last part the others count as heard."""
    listener = started()
    listener.take_reports()
    listener.hear(news(0, 200, seen("anne"), more=True))
    assert not listener.fresh
    listener.waits(0)
    assert [report.through for report in listener.take_reports()] == [200]
    listener.hear(news(200, 210, seen("bea"), heard_ms=NOON_MS))
    assert listener.fresh


def test_what_the_doors_cannot_take_comes_again() -> None:
    """Their queue is full at the moment: nothing of it counts as heard."""
    listener = started()
    listener.hear(news(0, 6))
    listener.take_reports()
    listener.busy = True
    listener.hear(news(6, 7, seen("anne")))
    listener.busy = False
    assert listener.flow.through == 6
    listener.waits(2 * GAP_NS)
    assert [report.through for report in listener.take_reports()] == [6]


def test_it_tells_up_to_when_the_cloud_has_everything() -> None:
    """A second less than now, for what is still on its way; as long as something is missing, that stands still."""
    listener = started()
    assert [report.told_ms for report in listener.take_reports()] == [None]
    listener.take(AllTold())
    told_ms = listener.real_ms - IN_FLIGHT_MS
    listener.waits(2 * BEAT_NS)
    assert {report.told_ms for report in listener.take_reports()} == {told_ms}


def test_without_certain_time_nothing_is_claimed() -> None:
    """Neither that this gateway told all, nor that it heard all; before there is any time, it does not even ask."""
    listener = started(certain=False)
    listener.take(AllTold())
    listener.waits(5 * S)
    assert listener.take_reports() == []
    listener.hear(news(0, 1, seen("anne"), heard_ms=NOON_MS))
    assert not listener.fresh and "anne" in listener.seen
    listener.knows_the_time()
    listener.waits(BEAT_NS)
    assert listener.take_reports() != []


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (lambda one: one.hear(news(0, 1, seen("anne")), retained=True), "retained"),
        (lambda one: one.hear(news(0, 1, seen("anne")), key=SigningKey.from_bytes("k1", bytes(32))), "forged"),
        (lambda one: one.hear(news(0, 1, seen("anne"), gateway="gw2")), "foreign"),
        (lambda one: one.take(Received(Down.PRESENCE, b"junk")), "malformed"),
    ],
)
def test_what_is_not_rightly_signed_for_this_gateway_is_reported_and_nothing_else(
    say: Callable[[Listener], None], why: str
) -> None:
    """Nobody is put anywhere by a stranger."""
    listener = started()
    say(listener)
    assert listener.seen == {} and not listener.fresh
    assert [one.reason for one in listener.done if isinstance(one, Record)] == [why]


def test_counts_of_nobody_travel_as_they_are() -> None:
    """All of them, or none: None leaves what was told before."""
    listener = started()
    counted = (Unseen(zone="gym", count=-2, at_ms=NOON_MS),)
    listener.hear(news(0, 0, unseen=counted))
    listener.hear(news(0, 0))
    assert [heard.unseen for heard in listener.heard[-2:]] == [counted, None]


def play(seed: int, flow: type[PresenceFlow] = PresenceFlow) -> Listener:
    """Minutes of a bad line: passages elsewhere reach the cloud late, messages are lost, repeated and overtake each
    other; the process dies. Whenever presence counts as fresh, everything older than the bound must be known."""
    dice = random.Random(seed)
    listener, teller = Listener(flow=flow), Teller()
    listener.start()
    passed: list[Seen] = []
    waiting: list[Seen] = []
    on_the_way: list[PresenceNews] = []
    for _ in range(300):
        listener.waits(dice.choice((100 * MS, S, 5 * S)))
        if dice.random() < 0.5:
            waiting.append(seen(dice.choice("abcdef"), listener.real_ms))
            passed.append(waiting[-1])
        if dice.random() < 0.5 and waiting:
            on_the_way.append(teller.passes(*{one.member: one for one in waiting}.values()))
            waiting.clear()
        if not waiting:
            teller.told_ms = listener.real_ms
        on_the_way += [teller.answer(report) for report in listener.take_reports() if dice.random() < 0.6]
        if dice.random() < 0.1:
            dice.choice(
                (listener.restart, partial(listener.take, EpochEntered(1)), partial(listener.take, Connected()))
            )()
        dice.shuffle(on_the_way)
        for _ in range(dice.randint(0, len(on_the_way))):
            message = on_the_way.pop()
            if dice.random() < 0.7:
                listener.hear(message)
            if dice.random() < 0.2:
                on_the_way.append(message)
        if listener.fresh:
            known_ms = listener.real_ms - FRESH_MS
            for one in passed:
                assert one.at_ms > known_ms or listener.seen[one.member].at_ms >= one.at_ms, f"seed {seed}"
    teller.passes(*waiting)
    teller.told_ms = listener.real_ms
    for _ in range(3):
        listener.waits(BEAT_NS)
        for report in listener.take_reports():
            listener.hear(teller.answer(report))
    assert listener.fresh and listener.seen == {one.member: one for one in passed}, f"seed {seed}"
    return listener


def test_fresh_is_never_said_of_what_is_not_known() -> None:
    """And once the line is good again everything is known, on every one of these bad lines."""
    assert sum(len(play(seed).heard) for seed in range(40)) > 1_000


class HearsThroughGaps(PresenceFlow):
    """The defence is off: the others count as heard although something before is missing."""

    def _move(self, news: PresenceNews, now_ns: int) -> None:
        super()._move(news, now_ns)
        if news.heard_ms is not None:
            self._hear(news.heard_ms, now_ns)


class SkipsGaps(PresenceFlow):
    """The defence is off: whatever number comes is believed to be the next."""

    def _move(self, news: PresenceNews, now_ns: int) -> None:
        super()._move(news.model_copy(update={"after": min(news.after, self.through)}), now_ns)


@pytest.mark.parametrize("flow", [HearsThroughGaps, SkipsGaps])
def test_without_the_defence_something_goes_unnoticed(flow: type[PresenceFlow]) -> None:
    """Ablation: a bad line is found on which a passage is missing and nobody knows."""
    with pytest.raises((AssertionError, KeyError)):
        for seed in range(200):
            play(seed, flow)
