"""A pretend gateway on a real connection, with a thread that listens and answers."""

import queue
import threading
import time

from broker.mosquitto import Mosquitto
from broker.peer import Peer
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.gateways.outgoing import Outgoing

REPORT_AGAIN_S = 0.5
"""A gateway that hears nothing says again where it stands: nobody may have listened when it came."""


class ConnectedGateway:
    """Connects at once and is born; runs until closed."""

    def __init__(self, broker: Mosquitto, gateway: PretendGateway) -> None:
        self.gateway = gateway
        self._peer = Peer(broker.url, broker.gateway(gateway.id))
        self._peer.subscribe(f"portillon/v1/{gateway.id}/down/#")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._peer.close()

    def _listen(self) -> None:
        status, report = self.gateway.birth()
        self._peer.publish(*status, retain=True)
        self._peer.publish(*report)
        heard, said_at = False, time.monotonic()
        while not self._stop.is_set():
            try:
                topic, payload, _ = self._peer.next(timeout_s=0.05)
            except queue.Empty:
                if not heard and time.monotonic() - said_at > REPORT_AGAIN_S:
                    self._peer.publish(*self.gateway.report())
                    said_at = time.monotonic()
                continue
            heard = True
            for answer in self.gateway.receive([Outgoing(topic, payload, 60)]):
                self._peer.publish(*answer)
