"""The connection: gets in by certificate, says who it is, comes back after every loss, and explains why it cannot."""

import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from broker.mosquitto import Identity, Mosquitto, free_port
from broker.peer import Peer
from portillon_edge.errors import LinkDown, LinkMisconfigured
from portillon_edge.sync.broker_settings import BrokerSettings, is_loopback
from portillon_edge.sync.mqtt import MqttLink
from portillon_wire.messages import Status, decode
from portillon_wire.topics import Down, Up, down, up

GATEWAY = "gw1"


class Listener:
    """A link and what it told."""

    def __init__(self, settings: BrokerSettings, *, gateway: str = GATEWAY) -> None:
        self.told: queue.Queue[object] = queue.Queue()
        self.link = MqttLink(
            settings,
            gateway=gateway,
            boot_id="boot-a",
            software="test",
            clock_ns=time.monotonic_ns,
            on_message=lambda name, payload, retained: self.told.put((name, payload, retained)),
            on_up=lambda: self.told.put("up"),
            on_down=lambda: self.told.put("down"),
            jitter=random.Random(1),
        )

    def next(self) -> object:
        return self.told.get(timeout=15)

    def error(self) -> str:
        """Why it does not get in, once it knows."""
        return wait_for(lambda: self.link.last_error)


def wait_for(condition: Callable[[], str | None]) -> str:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if found := condition():
            return found
        threading.Event().wait(0.02)
    raise TimeoutError("it did not happen")


def settings(broker: Mosquitto, who: Identity) -> BrokerSettings:
    return BrokerSettings(broker.url, who.ca_file, who.certificate_file, who.private_key_file)


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    made = Listener(settings(mosquitto, mosquitto.gateway(GATEWAY)))
    made.link.start()
    assert made.next() == "up"
    yield made
    made.link.stop()


@pytest.mark.broker
def test_birth_messages_and_goodbye(mosquitto: Mosquitto, listener: Listener) -> None:
    """Birth is retained, messages go both ways, a wish to leave says so, and nothing is published after it."""
    cloud = Peer(mosquitto.url, mosquitto.cloud())
    cloud.subscribe(up(GATEWAY, Up.STATUS))
    cloud.subscribe(up(GATEWAY, Up.SYNC))
    birth = decode(Status, cloud.next()[1])
    assert birth.online and birth.boot_id == "boot-a"
    listener.link.publish(Up.SYNC, b"here")
    assert cloud.next()[1] == b"here"
    cloud.publish(down(GATEWAY, Down.FEED), b"entry")
    assert listener.next() == (Down.FEED, b"entry", False)
    cloud.publish(down(GATEWAY, Down.LEASE), b"stale", retain=True)
    assert listener.next() == (Down.LEASE, b"stale", True)
    listener.link.stop()
    goodbye = decode(Status, cloud.next()[1])
    assert not goodbye.online and goodbye.connection == birth.connection
    cloud.close()
    with pytest.raises(LinkDown):
        listener.link.publish(Up.SYNC, b"too late")


@pytest.mark.broker
def test_it_comes_back_to_a_broker_that_lost_everything(mosquitto: Mosquitto, listener: Listener) -> None:
    """Killed, emptied, started again: the link notices, returns and is subscribed again."""
    mosquitto.restart(empty=True)
    assert [listener.next(), listener.next()] == ["down", "up"]
    cloud = Peer(mosquitto.url, mosquitto.cloud())
    cloud.publish(down(GATEWAY, Down.ACK), b"again")
    assert listener.next() == (Down.ACK, b"again", False)
    cloud.close()


# paho leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.broker
def test_a_certificate_of_another_authority_is_explained(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The gateway stays out, and says which file to look at."""
    (tmp_path / "other").mkdir()
    rogue = Mosquitto(tmp_path / "other").gateway(GATEWAY)
    ours = mosquitto.gateway(GATEWAY)
    wrong_client = BrokerSettings(mosquitto.url, ours.ca_file, rogue.certificate_file, rogue.private_key_file)
    wrong_server = BrokerSettings(mosquitto.url, rogue.ca_file, ours.certificate_file, ours.private_key_file)
    for broker, words in ((wrong_client, "certificate"), (wrong_server, "did not sign")):
        listener = Listener(broker)
        listener.link.start()
        assert words in listener.error()
        assert not listener.link.online
        listener.link.stop()


def test_nobody_there_is_explained() -> None:
    """The message names the address and what to check."""
    listener = Listener(BrokerSettings(f"mqtt://127.0.0.1:{free_port()}"))
    listener.link.start()
    assert "nothing listens at mqtt://127.0.0.1" in listener.error()
    listener.link.stop()


@pytest.mark.parametrize(
    ("code", "words"), [(0x87, "enrol it again"), (0x85, "client id"), (0x84, "MQTT 5"), (0x89, "busy")]
)
def test_a_broker_that_refuses_is_explained(code: int, words: str) -> None:
    """The broker's reason in words, with what to do; and the link goes on trying."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        tries = threading.Semaphore(0)

        def refuse() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(bytes([0x20, 0x03, 0x00, code, 0x00]))
                tries.release()

        thread = threading.Thread(target=refuse)
        thread.start()
        listener = Listener(BrokerSettings(f"mqtt://127.0.0.1:{server.getsockname()[1]}"))
        listener.link.start()
        assert words in listener.error()
        assert tries.acquire(timeout=10) and tries.acquire(timeout=10)
        listener.link.stop()
        thread.join()


def test_a_smaller_window_of_the_broker_is_obeyed() -> None:
    """Receive Maximum 3: the link comes back at once with a window of 3."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        windows: queue.Queue[int] = queue.Queue()

        def announce() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(bytes([0x20, 0x06, 0x00, 0x00, 0x03, 0x21, 0x00, 0x03]))
                    connection.recv(4096)
                    windows.put(narrow.link._in_flight)

        narrow = Listener(BrokerSettings(f"mqtt://127.0.0.1:{server.getsockname()[1]}"))
        thread = threading.Thread(target=announce)
        thread.start()
        narrow.link.start()
        assert [windows.get(timeout=10), windows.get(timeout=10)] == [3, 3]
        narrow.link.stop()
        thread.join()


def test_settings_that_cannot_work_are_told_at_once(tmp_path: Path) -> None:
    """Clear text over a network, a missing file, an unknown scheme: an error that says what to write."""
    (tmp_path / "junk.pem").write_text("junk")
    junk = tmp_path / "junk.pem"
    for broker, words in (
        (BrokerSettings("mqtt://cloud.example:1883"), "loopback only"),
        (BrokerSettings("amqp://localhost"), "mqtts://host:port"),
        (BrokerSettings("mqtts://cloud.example:8883"), "needs ca_file"),
        (BrokerSettings("mqtts://cloud.example:8883", junk, junk, junk), "enrol the gateway again"),
        (BrokerSettings("mqtts://cloud.example:8883", tmp_path / "no", junk, junk), "enrol the gateway again"),
    ):
        with pytest.raises(LinkMisconfigured, match=words):
            Listener(broker)


def test_pauses_are_short_on_loopback_and_long_elsewhere() -> None:
    """Ten thousand gateways must not storm one broker; one laptop may try often."""
    assert BrokerSettings("mqtt://127.0.0.1:1883").reconnect_s_max == 2
    assert BrokerSettings("mqtts://cloud.example:8883").reconnect_s_max == 300
    assert [is_loopback(host) for host in ("localhost", "::1", "127.9.9.9", "10.0.0.1", "")] == [
        True, True, True, False, False,
    ]  # fmt: skip
