"""What the gateways of a site are told of each other's passages: all that still counts, in order, and no more."""

from collections.abc import Callable
from typing import Any

import pytest
from cloud.presence.site_of_gateways import Site, members, open_site, seen
from portillon_cloud.database import Database
from portillon_cloud.gateways.operations import enrol_gateway, revoke_gateway
from portillon_cloud.gateways.tables import feed_entry
from portillon_cloud.presence import stream
from portillon_cloud.presence.tables import member_presence
from portillon_cloud.zones.operations import put_zone_rule
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, Way
from portillon_wire.presence import Unseen
from sqlalchemy import func, select

MINUTE_MS = 60_000


@pytest.fixture
def make_site(db: Database, clock: Any) -> Callable[..., Site]:
    return lambda *names, **how: open_site(db, clock, *(names or ("a", "b")), **how)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Two gateways."""
    return make_site()


def test_a_passage_is_told_to_the_others_with_its_commit(site: Site) -> None:
    """In and out, with zone and instant, numbered without a hole; never to the one who saw it."""
    assert site.passes("a") == {"b": [_news("b", after=0, through=1, seen=(seen("17", site.now_ms),), others=1)]}
    site.gym.clock.forward(ms=5)
    assert site.passes("a", "18", way=Way.EXIT)["b"] == [
        _news("b", after=1, through=2, seen=(seen("18", site.now_ms, left=True),), others=1)
    ]


def test_own_passages_leave_no_gap(site: Site) -> None:
    """What a gateway saw itself is never told to it, and it never asks for it."""
    site.passes("a", "17")
    for member in ("1", "2", "3"):
        site.passes("b", member)
    (news,) = site.passes("a", "18")["b"]
    assert (news.after, news.through) == (1, 5)


def test_a_gap_is_filled_with_what_still_counts(site: Site) -> None:
    """Anne passed three times meanwhile: she is told once, where she is now. Nothing of the asker's own comes."""
    for member in ("anne", "bea", "anne", "carl", "anne"):
        site.gym.clock.forward(ms=1)
        site.passes("a", member)
    site.passes("b", "dora")
    (news,) = site.asks("b", 1)
    assert (news.after, news.through, members([news])) == (1, 6, ["bea", "carl", "anne"])
    assert site.asks("b", 6)[0].seen == () and site.asks("b", 6)[0].after == 6


def test_the_later_passage_counts_in_whatever_order_journals_come(make_site: Callable[..., Site]) -> None:
    """A gateway that was off line tells later what was earlier: no news to anybody."""
    site = make_site("a", "b", "c")
    now_ms = site.now_ms
    site.passes("a", "anne", at_ms=now_ms)
    assert site.passes("b", "anne", at_ms=now_ms - 5_000, way=Way.EXIT) == {}
    assert site.passes("b", "anne", at_ms=now_ms) == {}
    assert members(site.asks("c")) == ["anne"]
    assert set(site.passes("b", "anne", at_ms=now_ms + 1)) == {"a", "c"}


def test_within_one_journal_the_last_event_of_an_instant_counts(site: Site) -> None:
    """A standing clock: in and out at the same millisecond, told in the order of the journal."""
    entry, leave = site.event("a", "anne"), site.event("a", "anne", way=Way.EXIT)
    assert [one.left for one in site.tells("a", leave, entry)["b"][0].seen] == [True]
    assert [one.left for one in site.passes("a", "anne")["b"][0].seen] == [False]


def test_a_journal_that_comes_again_tells_nothing(site: Site) -> None:
    """Each event once, however often it is sent."""
    event = site.event("a", "anne")
    assert "b" in site.tells("a", event)
    assert site.tells("a", event) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "granted"},
        {"kind": "grant_not_used"},
        {"member": None},
        {"zone": None},
        {"way": None},
        {"at_ms": -stream.KEPT_MS - 1},
        {"at_ms": stream.AHEAD_MS_MAX + 1},
    ],
)
def test_what_moves_nobody_is_not_told(site: Site, more: dict[str, Any]) -> None:
    """A grant, a passage of nobody, an older gateway's, a day old, or of a time that has not come."""
    if "at_ms" in more:
        more = {**more, "at_ms": site.now_ms + more["at_ms"]}
    assert site.tells("a", site.event("a", **{"member": "17", **more})) == {}


def test_a_passage_that_is_dated_afterwards_is_told_at_its_true_time(site: Site) -> None:
    """After a cold boot the gateway did not know the time; the same batch makes it certain."""

    def at(boot_ms: int, real_ms: int | None, quality: TimeQuality) -> EventTime:
        return EventTime(
            boot_id="cold", boot_ns=boot_ms * 1_000_000, real_ms=real_ms, business_ms=real_ms, quality=quality
        )

    unsure = site.event("a", "anne", at=at(1_000, None, TimeQuality.UNKNOWN))
    sure = site.event("a", "bea", at=at(5_000, site.now_ms, TimeQuality.CERTAIN))
    assert site.tells("a", unsure) == {}
    unsure = site.event("a", "anne", at=at(2_000, site.now_ms - 99_000, TimeQuality.UNCERTAIN))
    (news,) = site.tells("a", unsure, sure)["b"]
    assert news.seen == (seen("anne", site.now_ms - 3_000), seen("bea", site.now_ms))


def test_a_clock_that_was_turned_back_shuts_nobody_out(site: Site) -> None:
    """What was seen in a future that is not any more yields to what is seen now."""
    site.gym.clock.forward(ms=10 * MINUTE_MS)
    site.passes("a", "anne")
    site.gym.clock.forward(ms=-10 * MINUTE_MS)
    assert members(site.passes("b", "anne", way=Way.EXIT)["a"]) == ["anne"]


def test_a_site_with_one_gateway_keeps_nothing(make_site: Callable[..., Site]) -> None:
    """It is told that it is alone."""
    site = make_site("a")
    assert site.passes("a") == {}
    assert site.asks("a", 5) == [_news("a", after=0, through=0, others=0)]
    assert _rows(site) == 0


def test_a_site_without_rules_for_zones_keeps_nothing(make_site: Callable[..., Site]) -> None:
    """Nobody asks there where anybody is; with the first rule it begins."""
    site = make_site(ruled=False)
    assert site.passes("a") == {} and _rows(site) == 0
    with site.gym.db.write() as conn:
        put_zone_rule(
            conn, organisation_id=site.gym.organisation_id, site_id=site.gym.site_id, zone="gym", body={"capacity": 3}
        )
    assert members(site.passes("a", "18")["b"]) == ["18"]


def test_who_never_listened_is_sent_nothing_and_counts_as_unheard(site: Site) -> None:
    """A gateway of an older version: nothing is pushed to it, and nobody is said to have heard it."""
    gym = site.gym
    with gym.db.write() as conn:
        enrol_gateway(
            conn,
            organisation_id=gym.organisation_id,
            site_id=gym.site_id,
            gateway_id="old",
            name="Old",
            mode="live",
            now_ms=site.now_ms,
        )
    site.asks("a", told_ms=site.now_ms)
    assert set(site.passes("a")) == {"b"}
    (news,) = site.asks("b")
    assert news.heard_ms is None and news.others == 2


def test_the_others_are_heard_up_to_the_least_that_they_told(make_site: Callable[..., Site]) -> None:
    """Whoever fell silent holds it back until they are taken out of service."""
    site = make_site("a", "b", "c")
    begun_ms = site.now_ms
    assert site.asks("c", told_ms=begun_ms - 1)[0].heard_ms is None
    site.asks("b", told_ms=begun_ms)
    assert site.asks("a")[0].heard_ms == begun_ms - 1
    site.gym.clock.forward(ms=MINUTE_MS)
    site.asks("b", told_ms=site.now_ms)
    assert site.asks("a")[0].heard_ms == begun_ms - 1
    with site.gym.db.write() as conn:
        revoke_gateway(conn, organisation_id=site.gym.organisation_id, gateway_id="c", now_ms=site.now_ms)
    (news,) = site.asks("a")
    assert news.heard_ms == site.now_ms and news.others == 1


def test_nothing_is_believed_to_be_told_that_cannot_be(site: Site) -> None:
    """Of another epoch (another cloud acknowledged it), in the future, or not said: what was told before stays."""
    site.asks("a", told_ms=site.now_ms + MINUTE_MS)
    assert site.asks("b")[0].heard_ms == site.now_ms
    before_ms = site.now_ms
    site.gym.clock.forward(ms=MINUTE_MS)
    site.asks("a", told_ms=site.now_ms, epoch=site.gym.state("a").epoch + 1)
    site.asks("a", told_ms=None)
    assert site.asks("b")[0].heard_ms == before_ms


def test_who_heard_of_another_cloud_hears_everything_again(site: Site) -> None:
    """A number that was never given, or another epoch: from the beginning."""
    site.passes("a", "anne")
    for news in (*site.asks("b", 99), *site.asks("b", 1, epoch=77)):
        assert (news.after, news.through, members([news])) == (0, 1, ["anne"])


def test_who_begins_anew_gets_back_what_it_told(site: Site) -> None:
    """Its card was replaced: it goes by what it saw before, as far as the cloud has it; later it is not told again."""
    site.passes("a", "anne")
    site.passes("b", "bea")
    assert members(site.asks("b")) == ["anne", "bea"]
    assert members(site.asks("b", 1)) == []


def test_a_whole_site_comes_in_bounded_messages(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some at a time, in order; only with the last of them it is told how well the others are heard."""
    monkeypatch.setattr(stream, "PASSAGES_MAX", 10)
    monkeypatch.setattr(stream, "PARTS_MAX", 2)
    unseen = (Unseen(zone="gym", count=2, at_ms=site.now_ms, free_ms=site.now_ms, free=True),)
    site.asks("a", told_ms=site.now_ms, unseen=unseen)
    pushed = site.tells("a", *(site.event("a", str(number)) for number in range(45)))["b"]
    assert [len(part.seen) for part in pushed] == [10, 10, 10, 10, 5]
    assert [part.after for part in pushed] == [0, 10, 20, 30, 40] and pushed[-1].through == 45
    heard, through = [], 0
    for _ in range(3):
        parts = site.asks("b", through)
        heard += parts
        through = parts[-1].through
    assert members(heard) == [str(number) for number in range(45)]
    assert [part.more for part in heard] == [False, True, False, True, False]
    assert [part.heard_ms is not None for part in heard] == [False] * 4 + [True]
    assert heard[-1].unseen == unseen and heard[0].unseen is None


def test_what_is_a_day_old_goes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing grows for ever: what nobody believes any more is not kept."""
    monkeypatch.setattr(stream, "PRUNE_EVERY", 1)
    site.passes("a", "anne")
    site.gym.clock.forward(ms=stream.KEPT_MS + 1)
    site.passes("a", "bea")
    assert _rows(site) == 1


def test_nothing_of_it_is_in_the_feed(site: Site) -> None:
    """No revision, no root, no lease knows where anybody is."""

    def positions() -> list[object]:
        return [(state.revision, state.root) for state in map(site.gym.state, site.names)]

    site.gym.link.tick()
    before, entries = positions(), _entries(site)
    site.passes("a")
    site.asks("b", told_ms=site.now_ms)
    site.gym.link.tick()
    assert positions() == before and _entries(site) == entries


def test_another_site_hears_nothing(db: Database, clock: Any) -> None:
    """Two gyms, each with its own members and numbers."""
    one, other = open_site(db, clock, "a", "b"), open_site(db, clock, "c", "d")
    assert set(one.passes("a")) == {"b"}
    assert members(other.asks("c")) == [] and other.asks("c")[0].through == 0


def _rows(site: Site) -> int:
    with site.gym.db.read() as conn:
        return conn.execute(select(func.count()).select_from(member_presence)).scalar_one()


def _entries(site: Site) -> int:
    with site.gym.db.read() as conn:
        return conn.execute(select(func.count()).select_from(feed_entry)).scalar_one()


def _news(gateway: str, **said: Any) -> stream.PresenceNews:
    return stream.PresenceNews(gateway=gateway, **said)
