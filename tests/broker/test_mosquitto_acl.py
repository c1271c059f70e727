"""What certificates and ACL really hold, on the real broker."""

import datetime
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from broker.mosquitto import Identity, Mosquitto
from broker.peer import Peer
from portillon_cloud.gateways.certificates import CertificateAuthority

pytestmark = pytest.mark.broker

Connect = Callable[[Identity], Peer]


@pytest.fixture
def connect(mosquitto: Mosquitto) -> Iterator[Connect]:
    peers: list[Peer] = []

    def new(identity: Identity) -> Peer:
        peers.append(Peer(mosquitto.url, identity))
        return peers[-1]

    yield new
    for peer in peers:
        peer.close()


def test_gateway_and_cloud_reach_each_other(mosquitto: Mosquitto, connect: Connect) -> None:
    """A gateway writes its up/, the cloud reads it; the cloud writes down/, the gateway reads it."""
    cloud, front = connect(mosquitto.cloud()), connect(mosquitto.gateway("front"))
    cloud.subscribe("portillon/v1/+/up/#")
    front.subscribe("portillon/v1/front/down/#")
    assert front.publish("portillon/v1/front/up/journal", b"events")
    assert cloud.next() == ("portillon/v1/front/up/journal", b"events", False)
    assert cloud.publish("portillon/v1/front/down/lease", b"lease")
    assert front.next() == ("portillon/v1/front/down/lease", b"lease", False)


def test_a_gateway_hears_nothing_meant_for_another(mosquitto: Mosquitto, connect: Connect) -> None:
    """However widely it subscribes, what another gateway says or is told does not reach it."""
    cloud, front, back = (
        connect(mosquitto.cloud()),
        connect(mosquitto.gateway("front")),
        connect(mosquitto.gateway("back")),
    )
    for topic in ("portillon/v1/back/down/#", "portillon/v1/+/up/#", "#"):
        front.subscribe(topic)
    assert cloud.publish("portillon/v1/back/down/feed", b"secret")
    back.publish("portillon/v1/back/up/journal", b"secret")
    cloud.publish("portillon/v1/front/down/feed", b"mine")
    assert front.next()[1] == b"mine"  # in order, so nothing came before it


@pytest.mark.parametrize(
    "topic",
    [
        "portillon/v1/back/up/journal",  # as another
        "portillon/v1/back/down/feed",  # to another
        "portillon/v1/front/down/feed",  # to itself, as if it were the cloud
        "portillon/v1/back/tech/front",  # as a technician
        "portillon/v1/front/tech/marie",
        "elsewhere",
    ],
)
def test_a_gateway_writes_only_its_own_up(mosquitto: Mosquitto, connect: Connect, topic: str) -> None:
    """Refused by the broker, and delivered to nobody."""
    front, back, cloud = (
        connect(mosquitto.gateway("front")),
        connect(mosquitto.gateway("back")),
        connect(mosquitto.cloud()),
    )
    cloud.subscribe("portillon/v1/#")
    back.subscribe("portillon/v1/back/#")
    assert not front.publish(topic)
    assert front.publish("portillon/v1/front/up/status", b"after")
    assert cloud.next()[1] == b"after"
    assert back.received.empty()


def test_a_technician_writes_only_under_their_own_name(mosquitto: Mosquitto, connect: Connect) -> None:
    """A technician reaches a gateway's tech/ under their own name, and nothing else."""
    marie, front = connect(mosquitto.technician("marie")), connect(mosquitto.gateway("front"))
    front.subscribe("portillon/v1/front/tech/#")
    assert not marie.publish("portillon/v1/front/tech/tech.paul")
    assert not marie.publish("portillon/v1/front/down/feed")
    assert not marie.publish("portillon/v1/front/up/journal")
    assert marie.publish("portillon/v1/front/tech/tech.marie", b"open")
    assert front.next()[1] == b"open"


def test_a_technician_the_acl_does_not_name_reaches_nothing(mosquitto: Mosquitto, connect: Connect) -> None:
    """A certificate alone gives a technician no topic."""
    assert not connect(mosquitto.technician("paul")).publish("portillon/v1/front/tech/tech.paul")


def test_nobody_comes_in_without_a_certificate(mosquitto: Mosquitto) -> None:
    """The broker ends the handshake of a peer that shows none."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Peer(mosquitto.url, ca_file=str(mosquitto.cloud().ca_file))


def test_nobody_comes_in_with_a_certificate_of_another_authority(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A rogue authority may write any name into a certificate; it opens nothing."""
    now = datetime.datetime.now(datetime.UTC)
    rogue = CertificateAuthority.create(name="Test CA", now=now)
    files = rogue.issue_cloud(now=now).write(tmp_path / "rogue", "cloud")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Peer(mosquitto.url, Identity(mosquitto.cloud().ca_file, *files))


def test_a_peer_does_not_come_in_with_the_servers_certificate(mosquitto: Mosquitto) -> None:
    """The broker's own certificate is for serving only: found on its disk it makes nobody a client."""
    folder = mosquitto.directory / "mosquitto"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Peer(mosquitto.url, Identity(folder / "ca.crt", folder / "server.crt", folder / "server.key"))


def test_a_killed_broker_keeps_or_loses_as_told(mosquitto: Mosquitto) -> None:
    """The fixture does what stories rely on: a restart keeps retained state, an emptied one has none."""
    peer = Peer(mosquitto.url, mosquitto.gateway("front"))
    assert peer.publish("portillon/v1/front/up/status", b"birth", retain=True)
    peer.close()
    mosquitto.wait_until_saved()
    mosquitto.restart()
    reader = Peer(mosquitto.url, mosquitto.cloud())
    reader.subscribe("portillon/v1/+/up/status")
    assert reader.next() == ("portillon/v1/front/up/status", b"birth", True)
    reader.close()
    mosquitto.restart(empty=True)
    reader = Peer(mosquitto.url, mosquitto.cloud())
    reader.subscribe("portillon/v1/+/up/status")
    writer = Peer(mosquitto.url, mosquitto.gateway("back"))
    writer.publish("portillon/v1/back/up/status", b"new", retain=True)
    assert reader.next()[0] == "portillon/v1/back/up/status"
    reader.close()
    writer.close()
