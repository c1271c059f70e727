"""A broker and a network that lose, repeat, delay and reorder: harsher than MQTT over TCP, so that no fault hides.

Not modelled: partial messages (TCP and MQTT frame them) and retained state, which the protocol never relies on.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from simulation.schedule import Schedule

Receive = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad it is: probabilities per message, delays in milliseconds."""

    loss: float = 0.05
    repeat: float = 0.05
    straggle: float = 0.05
    days: float = 0.0
    delay_ms: float = 40.0
    straggle_ms: float = 20_000.0


DAYS_MS = (600_000, 3 * 86_400_000)

FINE = Weather(loss=0.0, repeat=0.0, straggle=0.0, delay_ms=5.0)


class Network:
    """Carries messages between one cloud and its gateways while the broker is up."""

    def __init__(self, schedule: Schedule, weather: Weather) -> None:
        self._schedule = schedule
        self.weather = weather
        self.up = True
        self.sent = self.lost = self.repeated = self.late = 0
        self._broker_life = 0
        self.trace = hashlib.sha256()
        """Of every message: the same seed must send the same to the same at the same instants."""
        self._receivers: dict[str, Receive] = {}

    def connect(self, name: str, receive: Receive) -> None:
        """Messages to `name` reach `receive` from now on."""
        self._receivers[name] = receive

    def disconnect(self, name: str) -> None:
        """Messages to `name` are lost from now on."""
        self._receivers.pop(name, None)

    def break_broker(self) -> None:
        """The broker dies with all it held."""
        self.up = False
        self._broker_life += 1

    def mend_broker(self) -> None:
        """A new broker, with an empty disk."""
        self.up = True

    def send(self, to: str, topic: str, payload: bytes) -> None:
        """Hand a message over; what becomes of it is the weather's choice."""
        self.sent += 1
        self.trace.update(f"{self._schedule.now_ns} {to} {topic}\n".encode())
        random, weather = self._schedule.random, self.weather
        if not self.up or random.random() < weather.loss:
            self.lost += 1
            return
        copies = 2 if random.random() < weather.repeat else 1
        self.repeated += copies - 1
        life = self._broker_life
        for _ in range(copies):
            straggles = random.random() < weather.straggle
            delay_ms = random.uniform(1, weather.straggle_ms if straggles else weather.delay_ms)
            if weather.days and random.random() < weather.days:
                delay_ms = random.uniform(*DAYS_MS)
                self.late += 1
            self._schedule.after(delay_ms, lambda: self._deliver(to, topic, payload, life))

    def _deliver(self, to: str, topic: str, payload: bytes, life: int) -> None:
        receive = self._receivers.get(to)
        if self.up and life == self._broker_life and receive is not None:
            receive(topic, payload)
        else:
            self.lost += 1
