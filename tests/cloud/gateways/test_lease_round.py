"""When gateways get leases, when they do not, and what is committed before one leaves."""

from collections.abc import Callable

import pytest
from cloud.gateways.conftest import Gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.clock.tables import test_clock
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.session import LEASE_INTERVAL_MS
from portillon_cloud.outbox import everything_changed
from portillon_wire.messages import SyncReport, encode
from portillon_wire.topics import Up, up
from sqlalchemy import update


def leases(messages: list[Outgoing]) -> list[Outgoing]:
    return [one for one in messages if one.topic.endswith("down/lease")]


def test_a_lease_comes_at_its_interval(gym: Gym, front: PretendGateway) -> None:
    """Every 30 s, each with a higher counter, the same revision and the time."""
    for _ in range(3):
        gym.clock.forward(ms=LEASE_INTERVAL_MS - 1)
        assert leases(gym.link.tick()) == []
        gym.clock.forward(ms=1)
        gym.talk(front.receive(gym.link.tick()), front)
    counters = [lease.counter for lease in front.leases]
    assert counters == sorted(set(counters))
    assert len(counters) == 4
    last = front.leases[-1]
    assert (last.mode, last.rate, last.clock_rev) == ("live", 1, 0)
    assert last.issued_ms == last.business_ms == gym.clock.real_ms()


def test_catching_up_brings_a_lease_at_once(gym: Gym, front: PretendGateway) -> None:
    """The revision just confirmed is leased without waiting for the interval."""
    gym.clock.forward(ms=1_000)
    gym.block(gym.accounts[0])
    gym.talk([], front)
    assert [lease.revision for lease in front.leases] == [front.revision - 1, front.revision]


def test_a_report_that_brings_no_news_brings_no_lease(gym: Gym, front: PretendGateway) -> None:
    """Confirming a lease does not fetch the next one: the two would never stop."""
    assert gym.hand_over([front.report(), front.report()]) == []


def test_a_report_that_was_overtaken_is_put_right_at_once(gym: Gym, front: PretendGateway) -> None:
    """Two processes that share the reports may take them in the other order; the older must not stand for 30 s."""
    overtaken = front.report()
    gym.clock.forward(ms=LEASE_INTERVAL_MS)
    gym.talk(front.receive(gym.link.tick()), front)
    gym.talk([overtaken], front)
    assert gym.state().acked_lease_counter == front.leases[-1].counter == 3


def test_a_new_connection_is_greeted_with_a_lease(gym: Gym, front: PretendGateway) -> None:
    """A gateway that was away does not wait half a minute to know the time."""
    given = len(front.leases)
    gym.clock.forward(ms=1_000)
    gym.talk(front.birth(), front)
    assert len(front.leases) == given + 1


def test_the_counter_is_committed_before_the_lease_leaves(gym: Gym, front: PretendGateway) -> None:
    """What was sent is never below what is stored: a crash after sending cannot use a counter again."""
    gym.clock.forward(ms=LEASE_INTERVAL_MS)
    sent = gym.link.tick()
    front.receive(sent)
    assert gym.state().lease_counter == front.leases[-1].counter


def test_a_restored_cloud_goes_on_above_the_gateways_counter(gym: Gym, front: PretendGateway) -> None:
    """It opens an epoch, and numbers above the gateway's counter: a lower one would be refused for ever."""
    report = SyncReport(
        epoch=front.epoch, revision=front.revision, root=front.root, lease_counter=900, clock_rev=0, boot_id="boot-1"
    )
    gym.hand_over([(up("front", Up.SYNC), encode(report))])
    for _ in range(3):  # an offer, a report, a lease
        gym.clock.forward(ms=LEASE_INTERVAL_MS)
        gym.hand_over(front.receive(gym.link.tick()))
    assert front.leases[-1].epoch == 2
    assert front.leases[-1].counter > 900


def test_no_lease_while_something_old_is_not_confirmed(gym: Gym, front: PretendGateway) -> None:
    """For a minute the confirmed revision is still leased; then no more, until the gateway catches up."""
    gym.block(gym.accounts[0])
    gym.link.tick()  # lost, and all that follows
    gym.clock.forward(ms=LEASE_INTERVAL_MS)
    assert len(leases(gym.link.tick())) == 1
    gym.clock.forward(ms=LEASE_INTERVAL_MS + 1)
    gym.hand_over([front.report()])
    assert leases(gym.link.tick()) == []
    gym.clock.forward(ms=5_000)
    assert leases(gym.link.tick()) == []
    gym.talk([front.report(want_from=front.revision + 1)], front)
    assert front.leases[-1].revision == front.revision == gym.state().revision


def test_no_lease_while_changes_are_not_even_numbered(
    gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sequencer that stands still must not leave revoked members with a gateway that is leased for ever."""

    def fail(*_: object, **__: object) -> None:
        raise ValueError("no rows today")

    monkeypatch.setattr("portillon_cloud.gateways.differences.site_rows", fail)
    with gym.db.write() as conn:
        everything_changed(conn, gym.organisation_id)
    gym.link.tick()
    for _ in range(3):
        gym.clock.forward(ms=LEASE_INTERVAL_MS)
        messages = gym.link.tick()
        gym.hand_over(front.receive(messages))
    assert leases(messages) == []


def test_no_lease_for_a_gateway_that_is_away(gym: Gym, front: PretendGateway) -> None:
    """Dead by its will and silent: nothing is sent into the void."""
    gym.hand_over([front.will()])
    gym.clock.forward(ms=100_000)
    assert gym.link.tick() == []


def test_no_lease_for_another_root(gym: Gym, front: PretendGateway) -> None:
    """A gateway whose rows are not ours is not told to rely on them."""
    given = len(front.leases)
    front.root = "f" * 32
    gym.hand_over([front.report()])
    gym.clock.forward(ms=LEASE_INTERVAL_MS)
    assert leases(gym.link.tick(snapshots=False)) == []
    assert len(front.leases) == given


def test_a_turned_clock_is_told_at_once(make_gym: Callable[..., Gym]) -> None:
    """In a test organisation the lease carries business time; turning the clock brings one before the interval."""
    gym = make_gym("test")
    gateway = gym.enrol(mode="test")
    gym.talk(gateway.birth(), gateway)
    assert gateway.leases[-1].mode == "test"
    later_ms = gym.clock.real_ms() + 90 * 86_400_000
    with gym.db.write() as conn:
        conn.execute(
            update(test_clock).values(
                business_ms=later_ms, set_at_real_ms=gym.clock.real_ms(), rate=0, clock_rev=test_clock.c.clock_rev + 1
            )
        )
    gym.clock.forward(ms=100)
    before = gateway.leases[-1]
    gym.talk([], gateway)
    last = gateway.leases[-1]
    assert last.counter > before.counter
    assert (last.business_ms, last.rate, last.clock_rev) == (later_ms, 0, before.clock_rev + 1)
    with gym.db.read() as conn:
        assert gym.state().acked_clock_rev == last.clock_rev


def test_a_lease_says_when_the_last_gateway_stops(gym: Gym, front: PretendGateway) -> None:
    """The owner is told until when a gateway could go on alone."""
    assert gym.state().lease_until_ms == front.leases[-1].issued_ms + front.leases[-1].duration_s * 1000
