"""The cloud's clock was ahead and is put right: nothing waits for the time that it showed."""

import pytest
from cloud.gateways.conftest import Gym
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.gateways import link

YEAR_MS = 365 * 86_400_000


def a_year_ahead_for_a_moment(gym: Gym) -> None:
    """Somebody is shut out meanwhile, and every message about it is lost."""
    gym.clock.forward(ms=YEAR_MS)
    gym.link.tick()
    gym.block(gym.accounts[0])
    gym.link.tick()
    gym.clock.forward(ms=-YEAR_MS)


def test_a_change_that_was_lost_is_sent_again(gym: Gym, front: PretendGateway) -> None:
    """It does not wait for the year to pass: the next tick sends it, and the gateway is where the cloud is."""
    a_year_ahead_for_a_moment(gym)
    gym.talk(front.receive(gym.link.tick()), front)
    assert (front.revision, front.root) == (gym.state().revision, gym.state().root)


def test_leases_tell_the_right_time_again(gym: Gym, front: PretendGateway) -> None:
    """The next one comes at once."""
    a_year_ahead_for_a_moment(gym)
    gym.talk(front.receive(gym.link.tick()), front)
    assert front.leases[-1].issued_ms == gym.clock.real_ms()


def test_what_a_right_clock_wrote_is_left_alone(gym: Gym, front: PretendGateway) -> None:
    """A tick of an ordinary day mends nothing."""
    before = gym.state()
    gym.link.tick()
    assert gym.state() == before


def test_ablation_without_it_the_gateway_hears_nothing(
    gym: Gym, front: PretendGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Instants a year ahead are not due for a year."""
    monkeypatch.setattr(link, "mend_instants", lambda *_, **__: False)
    a_year_ahead_for_a_moment(gym)
    assert gym.link.tick() == []
