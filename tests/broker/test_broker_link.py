"""The cloud's shell on real brokers: what it carries, and how it outlives them."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from broker.loopback import running_loopback_broker
from broker.mosquitto import Identity, Mosquitto, free_port
from broker.peer import Peer
from portillon_cloud.database import Wake
from portillon_cloud.gateways.broker import BrokerLink, BrokerSettings
from portillon_cloud.gateways.errors import BrokerUrlError
from portillon_cloud.gateways.outgoing import Outgoing

DOWN = "portillon/v1/front/down/feed"
UP = "portillon/v1/front/up/journal"
TIMEOUT_S = 20.0


class FakeLink:
    """Says down what it hears up; what a tick has to say is put into `to_say`."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.to_say: list[Outgoing] = []
        self.returns = 0
        self.fail_on = b"poison"

    def handle(self, topic: str, payload: bytes, retain: bool = False) -> list[Outgoing]:
        if payload == self.fail_on:
            raise RuntimeError("a message that breaks the code")
        self.heard.append((topic, payload, retain))
        return [Outgoing(DOWN, b"answer to " + payload, 60)]

    def tick(self, *, snapshots: bool = True) -> list[Outgoing]:
        said, self.to_say = self.to_say, []
        return said

    def snapshots(self) -> list[Outgoing]:
        return []

    def returned(self) -> list[Outgoing]:
        self.returns += 1
        return []


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def settings(url: str, identity: Identity | None, *, shared: bool = False) -> BrokerSettings:
    if identity is None:
        return BrokerSettings(url=url, shared=shared)
    return BrokerSettings(
        url=url,
        ca_file=identity.ca_file,
        certificate_file=identity.certificate_file,
        private_key_file=identity.private_key_file,
        shared=shared,
    )


Start = Callable[..., tuple[FakeLink, BrokerLink]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[BrokerLink] = []

    def run(url: str, identity: Identity | None, *, shared: bool = False) -> tuple[FakeLink, BrokerLink]:
        fake = FakeLink()
        shell = BrokerLink(
            fake,  # type: ignore[arg-type]
            settings(url, identity, shared=shared),
            wake=Wake(),
            uniform=lambda low, high: min(high, 0.05),
        )
        shell.start()
        running.append(shell)
        return fake, shell

    yield run
    for shell in running:
        shell.stop()


@pytest.mark.broker
def test_it_carries_both_ways_with_certificates(mosquitto: Mosquitto, start: Start) -> None:
    """A gateway's message is answered; what a tick has to say arrives; nothing of ours is retained."""
    fake, shell = start(mosquitto.url, mosquitto.cloud())
    assert shell.wait_connected(TIMEOUT_S)
    front = Peer(mosquitto.url, mosquitto.gateway("front"))
    front.subscribe("portillon/v1/front/down/#")
    assert front.publish(UP, b"events")
    assert front.next() == (DOWN, b"answer to events", False)
    fake.to_say = [Outgoing(DOWN, b"news", 60)]
    assert front.next() == (DOWN, b"news", False)
    assert fake.heard == [(UP, b"events", False)]
    front.close()


@pytest.mark.broker
def test_it_outlives_a_broker_that_loses_everything(mosquitto: Mosquitto, start: Start) -> None:
    """Killed, emptied, started on the same port: subscribed again, and told so that it sends again."""
    fake, shell = start(mosquitto.url, mosquitto.cloud())
    assert shell.wait_connected(TIMEOUT_S)
    for life in range(1, 4):
        until(lambda n=life: fake.returns == n)  # type: ignore[misc]
        mosquitto.kill()
        until(lambda: not shell.connected)
        fake.to_say = [Outgoing(DOWN, b"into the void", 60)]
        mosquitto.delete_state()
        mosquitto.start()
        assert shell.wait_connected(TIMEOUT_S)
    front = Peer(mosquitto.url, mosquitto.gateway("front"))
    front.publish(UP, b"after")
    until(lambda: (UP, b"after", False) in fake.heard)
    front.close()


@pytest.mark.broker
def test_it_waits_for_a_broker_that_is_not_there_yet(mosquitto: Mosquitto, start: Start) -> None:
    """Started first, it is connected once there is a broker."""
    mosquitto.kill()
    _, shell = start(mosquitto.url, mosquitto.cloud())
    assert not shell.wait_connected(0.3)
    mosquitto.start()
    assert shell.wait_connected(TIMEOUT_S)


def test_being_stopped_while_it_connects_is_no_brokers_fault(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is blamed in the log of a process that was told to end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(TIMEOUT_S)
        _, shell = start(f"mqtt://127.0.0.1:{silent.getsockname()[1]}", None)
        with silent.accept()[0] as accepted:
            accepted.settimeout(TIMEOUT_S)
            assert accepted.recv(1)  # it has said CONNECT and waits for our answer
            shell.stop()
    assert [one.message for one in caplog.records] == []


@pytest.mark.broker
def test_it_does_not_come_in_with_a_foreign_certificate(
    mosquitto: Mosquitto, start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused, said once in the log, tried on; never a crash."""
    other = Mosquitto(tmp_path / "other")
    foreign = other.cloud()
    _, shell = start(
        mosquitto.url, Identity(mosquitto.cloud().ca_file, foreign.certificate_file, foreign.private_key_file)
    )
    assert not shell.wait_connected(0.5)
    assert len([one for one in caplog.records if "trying on" in one.message]) == 1


@pytest.mark.broker
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho drops the socket without closing it
def test_it_does_not_trust_a_foreign_broker(mosquitto: Mosquitto, start: Start, tmp_path: Path) -> None:
    """A broker whose certificate another authority signed gets nothing from us."""
    other = Mosquitto(tmp_path / "other")
    mine = mosquitto.cloud()
    _, shell = start(mosquitto.url, Identity(other.cloud().ca_file, mine.certificate_file, mine.private_key_file))
    assert not shell.wait_connected(0.5)


@pytest.mark.broker
def test_a_message_that_breaks_the_code_harms_no_other(mosquitto: Mosquitto, start: Start) -> None:
    """The thread goes on with the next one."""
    fake, shell = start(mosquitto.url, mosquitto.cloud())
    assert shell.wait_connected(TIMEOUT_S)
    front = Peer(mosquitto.url, mosquitto.gateway("front"))
    front.publish(UP, b"poison")
    front.publish(UP, b"good")
    until(lambda: (UP, b"good", False) in fake.heard)
    front.close()


@pytest.mark.broker
def test_processes_share_the_work_and_all_hear_of_births(mosquitto: Mosquitto, start: Start) -> None:
    """Each journal goes to one process; each process learns who is there, also from what is retained."""
    front = Peer(mosquitto.url, mosquitto.gateway("front"))
    front.publish("portillon/v1/front/up/status", b"birth", retain=True)
    pair = [start(mosquitto.url, mosquitto.cloud(), shared=True) for _ in range(2)]
    for _, shell in pair:
        assert shell.wait_connected(TIMEOUT_S)
    for fake, _ in pair:
        until(lambda f=fake: ("portillon/v1/front/up/status", b"birth", True) in f.heard)  # type: ignore[misc]
    for number in range(20):
        front.publish(UP, b"%d" % number)
    until(lambda: sum(topic == UP for fake, _ in pair for topic, _, _ in fake.heard) >= 20)
    heard = sorted(int(payload) for fake, _ in pair for topic, payload, _ in fake.heard if topic == UP)
    assert heard == list(range(20))
    front.close()


def test_it_speaks_to_the_demos_broker(start: Start) -> None:
    """On loopback without certificates, through a restart."""
    with running_loopback_broker(port=free_port()) as broker:
        fake, shell = start(broker.url, None)
        assert shell.wait_connected(TIMEOUT_S)
        broker.stop()
        until(lambda: not shell.connected)
        broker.start()
        assert shell.wait_connected(TIMEOUT_S)
        front = Peer(broker.url)
        front.subscribe("portillon/v1/front/down/#")
        front.publish(UP, b"events")
        assert front.next() == (DOWN, b"answer to events", False)
        assert fake.returns == 2
        front.close()


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://broker.example:1883",
        "mqtts://broker.example:8883",
        "http://localhost:1",
        "mqtt://localhost",
        "x",
        "mqtt://localhost:x",
    ],
)
def test_no_broker_is_spoken_to_in_clear_or_without_a_certificate(url: str) -> None:
    """Clear text is for loopback; mqtts:// needs our three files."""
    with pytest.raises(BrokerUrlError):
        BrokerSettings(url=url).address()
