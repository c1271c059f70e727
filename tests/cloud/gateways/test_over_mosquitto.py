"""The whole way on a real broker with certificates: database, sequencer, shell, Mosquitto, gateway, and back."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from broker.mosquitto import Mosquitto, program, running_mosquitto
from cloud.gateways.conftest import BASE_URL, Gym
from cloud.gateways.connected_gateway import ConnectedGateway
from portillon_cloud.clock import RealClock
from portillon_cloud.gateways.broker import BrokerLink, BrokerSettings
from portillon_cloud.gateways.link import GatewayLink

pytestmark = pytest.mark.broker
TIMEOUT_S = 20.0


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if program() is None:
        pytest.skip("no mosquitto here: run `make system`")
    with running_mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def shell(mosquitto: Mosquitto, gym: Gym) -> Iterator[BrokerLink]:
    """The cloud's shell in real time."""
    gym.clock = RealClock()
    me = mosquitto.cloud()
    running = BrokerLink(
        GatewayLink(gym.db, gym.keyring, gym.clock, base_url=BASE_URL),
        BrokerSettings(
            url=mosquitto.url,
            ca_file=me.ca_file,
            certificate_file=me.certificate_file,
            private_key_file=me.private_key_file,
        ),
        wake=gym.db.wake,
    )
    running.start()
    assert running.wait_connected(TIMEOUT_S)
    yield running
    running.stop()


def until(holds: Callable[[], bool]) -> float:
    """Wait for it; how long that was, in seconds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < TIMEOUT_S, "it did not happen"
        time.sleep(0.002)
    return time.monotonic() - began


def test_a_revocation_arrives_within_a_second_and_survives_the_broker(
    mosquitto: Mosquitto, gym: Gym, shell: BrokerLink
) -> None:
    """Committed is applied within a second; a broker that dies and forgets delays it, and loses nothing."""
    gym.add_members(3)
    gateway = gym.enrol()
    connected = ConnectedGateway(mosquitto, gateway)
    until(lambda: len(gateway.leases) == 1)
    assert len(gateway.rows) == 4

    waits = []
    for round_number in range(20):
        before = gateway.revision
        (gym.block if round_number % 2 == 0 else gym.unblock)(gym.accounts[0])
        waits.append(until(lambda n=before: gateway.revision == n + 1))  # type: ignore[misc]
    assert sorted(waits)[len(waits) // 2] < 0.5
    assert max(waits) < 1.0

    connected.close()
    mosquitto.kill()
    gym.block(gym.accounts[1])
    mosquitto.delete_state()
    mosquitto.start()
    assert until(lambda: shell.connected) < TIMEOUT_S
    connected = ConnectedGateway(mosquitto, gateway)
    until(lambda: gateway.revision == gym.state().revision == 22 and gym.state().acked_revision == 22)
    connected.close()
