"""The connection to the broker: a thin shell around paho-mqtt 2, MQTT 5, QoS 1.

paho's own reconnect doubles without jitter and ignores the broker's Receive Maximum, so both are ours: one fresh client
per connection, pauses of uniform(0, min(300, 2^n)) s, short ones again only after 60 s of a stable connection.
Nothing is kept here: what the broker loses is sent again by the session and the uplink.
"""

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions
from portillon_wire.errors import MessageError
from portillon_wire.messages import Status, encode
from portillon_wire.topics import Down, Up, down, parse, up

from portillon_edge.errors import LinkDown
from portillon_edge.sync.broker_settings import BrokerSettings

log = logging.getLogger(__name__)

KEEPALIVE_S = 20
CONNECT_TIMEOUT_S = 10.0
SESSION_EXPIRY_S = 3_600
WILL_DELAY_S = 10
STABLE_S = 60.0
IN_FLIGHT = 20
IN_FLIGHT_MAX = 50
QUEUED_MAX = 256
LISTENED_TO = (Down.FEED, Down.LEASE, Down.COMMAND, Down.ACK, Down.PRESENCE)

_ADVICE = {
    132: "the broker does not speak MQTT 5: use another one",
    133: "the broker does not accept this gateway's id as client id",
    134: "the broker does not know this gateway: enrol it, or check certificate_file",
    135: "the broker does not let this gateway in: enrol it again if it was not revoked on purpose",
    136: "the broker is not available now",
    137: "the broker is busy",
    138: "the broker has banned this gateway: ask whoever runs it",
}


class MqttLink:
    """Keeps one connection up. Callbacks come on paho's thread and must return at once."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        gateway: str,
        boot_id: str,
        software: str,
        clock_ns: Callable[[], int],
        on_message: Callable[[Down, bytes, bool], None],
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        jitter: random.Random,
    ) -> None:
        """Raises LinkMisconfigured if the address or the certificates cannot work."""
        self._settings = settings
        self._tls = settings.tls()
        self._gateway = gateway
        self._boot_id = boot_id
        self._software = software
        self._clock_ns = clock_ns
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._jitter = jitter
        self._client: paho.Client | None = None
        self._in_flight = IN_FLIGHT
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._explained = False
        self._thread = threading.Thread(target=self._run, name="mqtt-link", daemon=True)
        self.online = False
        self.last_error: str | None = None

    def start(self) -> None:
        """Connect, and stay connected, in the background."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Say goodbye and end."""
        self._stop.set()
        self._ended.set()
        self._thread.join(timeout_s)

    def publish(self, name: Up, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message to the connection, QoS 1. Raises LinkDown if there is none or its queue is full."""
        client = self._client
        if client is None or not self.online:
            raise LinkDown(f"{name}: not connected to {self._settings.url}")
        info = client.publish(up(self._gateway, name), payload, qos=1, retain=retain)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkDown(f"{name}: {paho.error_string(info.rc)}")

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            began_s = time.monotonic()
            again_at_once = self._connect_once()
            if time.monotonic() - began_s >= STABLE_S:
                failures = 0
            if not again_at_once:
                pause_s = self._jitter.uniform(0, min(self._settings.reconnect_s_max, 2.0**failures))
                failures = min(failures + 1, 30)
                self._stop.wait(pause_s)

    def _connect_once(self) -> bool:
        """One connection from beginning to end; True if it ended only to come back with a smaller window."""
        in_flight = self._in_flight
        self._ended.clear()
        self._explained = False
        connection = self._clock_ns() // 1_000_000  # rises within a boot, restarts included
        client = self._new_client(connection)
        try:
            self._open(client)
            client.loop_start()
            self._client = client
            if not self._ended.wait(CONNECT_TIMEOUT_S) and not self.online:
                self._fail(f"{self._settings.url} took the connection but did not answer within {CONNECT_TIMEOUT_S} s")
            elif not self._stop.is_set():
                self._ended.wait()
        except OSError as error:
            self._fail(_explained(error, self._settings))
        finally:
            self._close(client, connection)
        return self._in_flight < in_flight and not self._stop.is_set()

    def _new_client(self, connection: int) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._gateway,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(self._in_flight)
        client.max_queued_messages_set(QUEUED_MAX)
        will = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
        will.WillDelayInterval = WILL_DELAY_S
        client.will_set(
            up(self._gateway, Up.STATUS), self._status(connection, online=False), qos=1, retain=True, properties=will
        )

        def on_connect(
            _client: paho.Client, _: object, _flags: object, reason: ReasonCode, properties: Properties | None
        ) -> None:
            self._connected(client, reason, properties, connection)

        def on_subscribe(_client: paho.Client, _: object, _mid: int, reasons: list[ReasonCode], _props: object) -> None:
            self._subscribed(reasons)

        def on_disconnect(
            _client: paho.Client, _: object, _flags: object, reason: ReasonCode, _props: Properties | None
        ) -> None:
            self._disconnected(reason)

        client.on_connect = on_connect
        client.on_subscribe = on_subscribe
        client.on_disconnect = on_disconnect
        client.on_message = lambda _client, _, message: self._received(message)
        return client

    def _open(self, client: paho.Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        client.connect(
            self._settings.host, self._settings.port, keepalive=KEEPALIVE_S, clean_start=False, properties=properties
        )

    def _connected(
        self, client: paho.Client, reason: ReasonCode, properties: Properties | None, connection: int
    ) -> None:
        if reason.is_failure:
            advice = _ADVICE.get(reason.value, "see the broker's log")
            self._fail(f"{self._settings.url} refused the connection ({reason}): {advice}")
            return
        # Without the property the broker takes 65,535 (MQTT 5 §3.2.2.3.3).
        allowed = min(IN_FLIGHT_MAX, getattr(properties, "ReceiveMaximum", IN_FLIGHT_MAX))
        fits = allowed >= self._in_flight
        self._in_flight = allowed
        if not fits:
            self._ended.set()
            return
        client.publish(up(self._gateway, Up.STATUS), self._status(connection, online=True), qos=1, retain=True)
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        client.subscribe([(down(self._gateway, name), options) for name in LISTENED_TO])

    def _subscribed(self, reasons: list[ReasonCode]) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._fail(f"{self._settings.url} refused a subscription ({refused[0]}): check the broker's ACL")
            return
        self.online, self.last_error = True, None
        log.info("connected to %s", self._settings.url)
        self._on_up()

    def _disconnected(self, reason: ReasonCode) -> None:
        if self.online:
            log.warning("disconnected from %s: %s", self._settings.url, reason)
        elif not self._explained and not self._ended.is_set():
            why = "it may not accept this gateway's certificate" if self._tls else "see the broker's log"
            self._fail(f"{self._settings.url} closed the connection before it answered ({reason}): {why}")
        self._ended.set()

    def _received(self, message: paho.MQTTMessage) -> None:
        try:
            address = parse(message.topic)
        except MessageError as error:
            log.warning("a message nobody asked for: %s", error)
            return
        if isinstance(address.name, Down) and address.gateway == self._gateway:
            self._on_message(address.name, bytes(message.payload), message.retain)

    def _close(self, client: paho.Client, connection: int) -> None:
        was_online, self.online = self.online, False
        if was_online and self._stop.is_set():
            goodbye = client.publish(
                up(self._gateway, Up.STATUS), self._status(connection, online=False), qos=1, retain=True
            )
            try:
                goodbye.wait_for_publish(1.0)
            except (RuntimeError, ValueError):
                log.info("the broker did not hear the goodbye; its will says the same")
        self._client = None
        client.disconnect()
        client.loop_stop()
        if was_online:
            self._on_down()

    def _status(self, connection: int, *, online: bool) -> bytes:
        return encode(Status(online=online, boot_id=self._boot_id, connection=connection, software=self._software))

    def _fail(self, text: str) -> None:
        if text != self.last_error:
            log.warning("%s", text)
        self.last_error = text
        self._explained = True
        self._ended.set()


def _explained(error: OSError, settings: BrokerSettings) -> str:
    where = settings.url
    match error:
        case ssl.SSLCertVerificationError():
            return f"{where} shows a certificate that {settings.ca_file} did not sign ({error.verify_message})"
        case ssl.SSLError():
            return f"{where}: TLS failed ({error.reason}): check ca_file, certificate_file and private_key_file"
        case ConnectionRefusedError():
            return f"nothing listens at {where}: check [cloud] broker, and that the broker runs"
        case TimeoutError():
            return f"{where} does not answer: check the network and the firewall"
    return f"{where} cannot be reached: {error}"
