"""The demo's broker carries what the protocol needs, and forgets everything when it stops."""

from broker.loopback import running_loopback_broker
from broker.mosquitto import free_port
from broker.peer import Peer


def test_it_speaks_mqtt_5_and_forgets() -> None:
    """Retained births, payloads as large as the largest feed entry, an empty restart on the same port."""
    with running_loopback_broker(port=free_port()) as broker:
        cloud, front = Peer(broker.url), Peer(broker.url)
        assert front.publish("portillon/v1/front/up/status", b"birth", retain=True)
        cloud.subscribe("portillon/v1/+/up/#")
        assert cloud.next() == ("portillon/v1/front/up/status", b"birth", True)
        front.subscribe("portillon/v1/front/down/#")
        assert cloud.publish("portillon/v1/front/down/feed", b"x" * 200_000)
        assert len(front.next()[1]) == 200_000
        for peer in (cloud, front):
            peer.close()
        broker.stop()
        broker.start()
        cloud, front = Peer(broker.url), Peer(broker.url)
        cloud.subscribe("portillon/v1/+/up/#")
        assert front.publish("portillon/v1/front/up/status", b"second", retain=True)
        assert cloud.next()[1] == b"second"
        for peer in (cloud, front):
            peer.close()
