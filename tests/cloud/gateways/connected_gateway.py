"""A pretend gateway on a real connection, with a thread that listens and answers."""

import queue
import threading

from broker.mosquitto import Mosquitto
from broker.peer import Peer
from cloud.gateways.pretend_gateway import PretendGateway
from portillon_cloud.gateways.outgoing import Outgoing


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
        for topic, payload in self.gateway.birth():
            self._peer.publish(topic, payload)
        while not self._stop.is_set():
            try:
                topic, payload, _ = self._peer.next(timeout_s=0.05)
            except queue.Empty:
                continue
            for answer in self.gateway.receive([Outgoing(topic, payload, 60)]):
                self._peer.publish(*answer)
