"""A bare MQTT 5 peer for tests: what was said to it, and whether the broker let it in. None of our own client code."""

import queue
import ssl
from typing import Any

import paho.mqtt.client as mqtt
from broker.mosquitto import Identity
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

TIMEOUT_S = 5.0


class Peer:
    """Connects at once; `received` holds (topic, payload, retain)."""

    def __init__(self, url: str, identity: Identity | None = None, *, ca_file: str | None = None) -> None:
        scheme, _, address = url.partition("://")
        host, _, port = address.rpartition(":")
        self.received: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if scheme == "mqtts":
            self._client.tls_set(
                ca_certs=str(identity.ca_file) if identity else ca_file,
                certfile=str(identity.certificate_file) if identity else None,
                keyfile=str(identity.private_key_file) if identity else None,
                tls_version=ssl.PROTOCOL_TLS_CLIENT,
            )
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._answers.put(("connect", reason))
        self._client.on_disconnect = lambda _c, _u, _f, reason, _p: self._answers.put(("disconnect", reason))
        self._client.on_subscribe = lambda _c, _u, _mid, reasons, _p: self._answers.put(("subscribe", reasons))
        self._client.on_publish = lambda _c, _u, _mid, reason, _p: self._answers.put(("publish", reason))
        self._client.on_message = lambda _c, _u, m: self.received.put((m.topic, m.payload, m.retain))
        self._client.connect(host, int(port), keepalive=10)
        self._client.loop_start()
        kind, reason = self._answers.get(timeout=TIMEOUT_S)
        if kind != "connect" or reason.is_failure:
            self.close()
            raise ConnectionRefusedError(f"{kind}: {reason}")

    def subscribe(self, topic: str) -> None:
        """Subscribe at QoS 1 and wait for the broker's answer, whatever it is."""
        self._client.subscribe(topic, qos=1)
        self._expect("subscribe")

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> bool:
        """Publish at QoS 1; whether the broker accepted it."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        return not self._expect("publish").is_failure

    def next(self, *, timeout_s: float = TIMEOUT_S) -> tuple[str, bytes, bool]:
        """The next message; raises queue.Empty if none comes."""
        return self.received.get(timeout=timeout_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _expect(self, kind: str) -> Any:
        found, reason = self._answers.get(timeout=TIMEOUT_S)
        if found != kind:
            raise ConnectionError(f"waited for {kind}, got {found}: {reason}")
        return reason
