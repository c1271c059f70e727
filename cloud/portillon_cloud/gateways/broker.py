"""The thin shell between the broker and `GatewayLink`: threads, sockets and patience, no decisions.

Clean sessions and application acknowledgements: a message lost here, or with the broker's disk, is sent again by
whoever needs it. What comes in waits in a bounded queue for one thread; what goes out is committed already.
"""

import logging
import queue
import random
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from portillon_wire import topics

from portillon_cloud.database import Wake
from portillon_cloud.gateways.errors import BrokerUnreachableError, BrokerUrlError
from portillon_cloud.gateways.link import GatewayLink
from portillon_cloud.gateways.names import CLOUD_NAME
from portillon_cloud.gateways.outgoing import Outgoing

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
KEEP_ALIVE_S = 20
CONNECT_TIMEOUT_S = 10.0
BACK_OFF_MAX_S = 10.0  # few clouds, many gateways: a cloud need not fear to be the herd, and everybody waits for it
FAILURES_MAX = 10  # beyond it the back-off does not grow
STABLE_AFTER_S = 60.0  # a connection that lasted so long was a good one: the next failure starts the back-off anew
INBOUND_MAX = 5_000
INBOUND_PATIENCE_S = 5.0  # how long a full queue holds the broker's next message up before that one is dropped
INFLIGHT_FIRST = 20  # Mosquitto's default Receive Maximum: most likely right at the first try
INFLIGHT_MAX = 1_000  # if the broker allows it: its Receive Maximum counts
QUEUED_MAX = 10_000
TICK_S = 0.1  # without a bell: another process's commits are seen this late at most
SNAPSHOT_TICK_S = 0.2
AFTER_FAILURE_S = 1.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """Where the broker is and who we are there. `shared`: several cloud processes share the gateways' messages."""

    url: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    private_key_file: Path | None = None
    shared: bool = False

    def address(self) -> tuple[str, int]:
        """(host, port); raises BrokerUrlError for a URL that must not be used."""
        parts = urlsplit(self.url)
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port is None:
            raise BrokerUrlError(f"{self.url!r} is no broker: write mqtts://host:port")
        if parts.scheme == "mqtt" and parts.hostname not in LOOPBACK:
            raise BrokerUrlError(f"{self.url!r} is clear text and allowed on loopback only: write mqtts://")
        files = (self.ca_file, self.certificate_file, self.private_key_file)
        if parts.scheme == "mqtts" and None in files:
            raise BrokerUrlError(
                f"{self.url!r} needs ca_file, certificate_file and private_key_file: it knows us by them"
            )
        return parts.hostname, port

    def tls(self) -> ssl.SSLContext | None:
        """The context of our certificate; None on loopback in clear."""
        if self.certificate_file is None or not self.url.startswith("mqtts:"):
            return None
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _ClosedOnFailure
        context.load_cert_chain(self.certificate_file, self.private_key_file)
        return context

    def subscriptions(self) -> list[str]:
        """What we listen to. State is never shared: each process wants the retained births, which shares do not get."""
        work = [topics.ALL_JOURNALS, topics.ALL_SYNC, topics.ALL_RESULTS, topics.ALL_PRESENCE]
        state = [topics.ALL_STATUS, topics.ALL_REPORTED]
        return [f"$share/{CLOUD_NAME}/{topic}" if self.shared else topic for topic in work] + state


class _ClosedOnFailure(ssl.SSLSocket):
    """paho leaves the socket of a handshake that failed to the garbage collector; we come again for days."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except (OSError, ValueError):
            self.close()
            raise


class _Returned:
    """In the queue: we are connected (again) and subscribed."""


class BrokerLink:
    """Runs a GatewayLink against a broker until stopped, through every death of the broker."""

    def __init__(
        self,
        link: GatewayLink,
        settings: BrokerSettings,
        *,
        wake: Wake,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._address = settings.address()
        self._tls = settings.tls()
        self._subscriptions = settings.subscriptions()
        self._link = link
        self._wake = wake
        self._uniform = uniform
        self._inbound: queue.Queue[MQTTMessage | _Returned] = queue.Queue(INBOUND_MAX)
        self._stop = threading.Event()
        self._connected = threading.Event()
        self._disconnected = threading.Event()
        self._client: Client | None = None
        self._inflight = INFLIGHT_FIRST
        self._lost_said = False  # once when lost, once when back
        self._threads: list[threading.Thread] = []
        self.dropped = 0  # messages in or out that the protocol has to send again

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and the subscriptions stand."""
        return self._connected.is_set()

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait until connected; False if it took longer."""
        return self._connected.wait(timeout_s)

    def start(self) -> None:
        """Start the threads and return; an unreachable broker is waited for, not an error."""
        work = {"network": self._network, "inbound": self._receive, "feed": self._feed, "snapshots": self._snapshots}
        for name, target in work.items():
            thread = threading.Thread(target=target, name=f"broker-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Disconnect and end the threads; what is in the queue is left to be sent again."""
        self._stop.set()
        self._disconnected.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(CONNECT_TIMEOUT_S + 5)
        self._threads.clear()

    # The connection -------------------------------------------------------------------------------------------------

    def _network(self) -> None:
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._one_connection()
            except (OSError, BrokerUnreachableError) as error:
                if not self._lost_said:
                    _logger.warning("broker %s:%s: %s; trying on", *self._address, error)
                self._lost_said = True
            else:
                continue  # it told us how to come again, or we stop
            failures = 0 if time.monotonic() - began > STABLE_AFTER_S else min(failures + 1, FAILURES_MAX)
            self._stop.wait(self._uniform(0.0, min(BACK_OFF_MAX_S, 2.0**failures)))

    def _one_connection(self) -> None:
        """Connect, stay until the connection ends. A new client each time: nothing of an old one is left behind."""
        inflight = self._inflight
        client = self._new_client()
        self._disconnected.clear()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = INFLIGHT_MAX
        host, port = self._address
        try:
            client.connect(host, port, KEEP_ALIVE_S, clean_start=True, properties=properties)
            client.loop_start()
            answered = self._until(lambda: self._connected.is_set() or self._disconnected.is_set(), CONNECT_TIMEOUT_S)
            if self._stop.is_set():
                return  # it is we who ended it
            if not answered:
                raise BrokerUnreachableError("it accepts connections but does not speak MQTT 5 with us")
            if self._inflight != inflight:
                return
            if not self._connected.is_set():
                raise BrokerUnreachableError("it ended the connection before accepting us")
            self._lost_said = False
            _logger.info("broker %s:%s: connected", host, port)
            self._inbound_put(_Returned())
            self._disconnected.wait()
            if not self._stop.is_set():
                raise BrokerUnreachableError("the connection was lost")
        finally:
            self._client = None
            client.disconnect()
            client.loop_stop()  # joins its thread: after this no callback of it can come
            self._connected.clear()

    def _until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not holds() and time.monotonic() < deadline and not self._stop.is_set():
            self._disconnected.wait(0.01)
        return holds()

    def _new_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{CLOUD_NAME}-{secrets.token_hex(4)}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(self._inflight)
        client.max_queued_messages_set(QUEUED_MAX)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: Any, properties: Properties | None) -> None:
        if reason.is_failure:
            _logger.warning("broker %s:%s refuses us: %s", *self._address, reason)
            self._disconnected.set()
            return
        allowed = min(getattr(properties, "ReceiveMaximum", INFLIGHT_MAX), INFLIGHT_MAX)
        if allowed != self._inflight:
            # paho does not obey the broker's Receive Maximum, and it cannot be set while connected: come again.
            self._inflight = allowed
            self._disconnected.set()
            return
        client.subscribe([(topic, 1) for topic in self._subscriptions])

    def _on_subscribe(self, client: Client, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            _logger.error("broker %s:%s refuses our subscriptions: does its ACL know %s?", *self._address, CLOUD_NAME)
            self._disconnected.set()
        else:
            self._client = client
            self._connected.set()

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        self._disconnected.set()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._inbound_put(message)

    def _inbound_put(self, item: MQTTMessage | _Returned) -> None:
        try:
            self._inbound.put(item, timeout=INBOUND_PATIENCE_S)
        except queue.Full:
            self.dropped += 1
            _logger.error("the inbound queue is full (%s): dropped; the gateway will send it again", INBOUND_MAX)

    # The work -------------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        while not self._stop.is_set():
            try:
                item = self._inbound.get(timeout=TICK_S)
            except queue.Empty:
                continue
            if isinstance(item, _Returned):
                self._do(self._link.returned)
            else:
                self._do(partial(self._link.handle, item.topic, bytes(item.payload), item.retain))

    def _feed(self) -> None:
        busy = False
        while not self._stop.is_set():
            if not busy:
                self._wake.wait(TICK_S)
            busy = self._do(partial(self._link.tick, snapshots=False))

    def _snapshots(self) -> None:
        while not self._stop.wait(SNAPSHOT_TICK_S):
            self._do(self._link.snapshots)

    def _do(self, work: Callable[[], Sequence[Outgoing]]) -> bool:
        """Do one piece of work and publish what it committed; whether there was anything to publish.

        No failure may end the thread: all gateways use it.
        """
        try:
            messages = work()
        except Exception:
            _logger.exception("gateways: a piece of work failed and will come again")
            self._stop.wait(AFTER_FAILURE_S)
            return False
        for message in messages:
            self._publish(message)
        return bool(messages)

    def _publish(self, message: Outgoing) -> None:
        client = self._client
        if client is None:
            self.dropped += 1
            return
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = message.expiry_s
        sent = client.publish(message.topic, message.payload, qos=1, retain=False, properties=properties)
        if sent.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            self.dropped += 1
            _logger.warning("could not publish to %s: %s", message.topic, sent.rc)
