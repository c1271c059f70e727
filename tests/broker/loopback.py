"""The demo's broker: iotcore, a wheel, on loopback only. It checks no certificate and has no ACL: never elsewhere."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iotcore import Broker

# Large enough for a feed entry of 100 kB of rows in its JWS; iotcore's default is 20 kB.
MAX_PAYLOAD_BYTES = 1_048_576

_CONFIG = """
id = 0

[router]
id = 0
max_connections = 200
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.portillon]
name = "portillon"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.portillon.connections]
connection_timeout_ms = 60000
max_payload_size = {max_payload}
max_inflight_count = 100
dynamic_filters = true
"""


class LoopbackBroker:
    """A broker in a child process that ends with this one; stop and start it on the same port to pull the network."""

    def __init__(self, *, port: int) -> None:
        self.port = port
        self._folder = tempfile.TemporaryDirectory(prefix="portillon-broker-")
        config = Path(self._folder.name) / "broker.toml"
        config.write_text(_CONFIG.format(port=port, max_payload=MAX_PAYLOAD_BYTES))
        self._broker = Broker(config_path=str(config))

    @property
    def url(self) -> str:
        """The URL for gateways and for the cloud."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it listens; raises OSError if the port is in use."""
        self._broker.start()

    def stop(self) -> None:
        """End it; it remembers nothing."""
        self._broker.stop()

    def close(self) -> None:
        """End it and remove its configuration."""
        self.stop()
        self._folder.cleanup()


@contextmanager
def running_loopback_broker(*, port: int) -> Iterator[LoopbackBroker]:
    """A started broker that is gone at the end."""
    broker = LoopbackBroker(port=port)
    broker.start()
    try:
        yield broker
    finally:
        broker.close()
