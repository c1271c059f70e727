"""A PN532 module on a pty, and somebody who holds cards to it.

    simulator = Pn532Simulator(folder / "reader")
    simulator.plug()
    simulator.put(card)

It hears only what is sent at its own baud rate, which it reads off the line's settings; the pty itself paces nothing.
"""

import os
import select
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path

from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.nfc.simulated_chip import SimulatedChip
from portillon_drivers.nfc.simulated_field import CardInField
from portillon_drivers.pty_line import PtyLine

SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in (115_200, 230_400, 460_800, 921_600)}
LOOKS_TO_READ = 4
"""After so many looks at a card any driver of ours has read it: a look that had begun before, one that comes after two
cards at once and does not count, one that counts, and the dialogue."""
LOOK_TIMEOUT_S = 10.0


class Pn532Simulator:
    """The module: its chip, its line and its field. Thread-safe; `close` ends its thread."""

    def __init__(self, link: Path) -> None:
        self.line = PtyLine(link)
        self.byte_gap_s = 0.0
        """How long it pauses after each byte that it sends."""
        self._chip = SimulatedChip()
        self._changed = threading.Condition()
        self._woken, self._waker = os.pipe()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="pn532-simulator", daemon=True)
        self._thread.start()

    def plug(self) -> None:
        """It appears under its path and has power."""
        with self._changed:
            if not self.line.plugged:
                self._chip.reset()
                self.line.plug()
        self._wake_thread()

    def unplug(self) -> None:
        """It vanishes from its path and loses power."""
        with self._changed:
            self.line.unplug()
        self._wake_thread()

    def hang(self) -> None:
        """Its chip does nothing more until `wake`."""
        with self._changed:
            self._chip.hung = True

    def wake(self) -> None:
        """Its chip is reset by its pin or its supply: asleep, at its first baud rate, all settings forgotten."""
        with self._changed:
            self._chip.reset()

    def put(self, *cards: EmulatedCard | CardInField) -> None:
        """These cards come near at one instant; a CardInField says more about how its card behaves."""
        with self._changed:
            self._chip.field.put(*(card if isinstance(card, CardInField) else CardInField(card) for card in cards))

    def take(self, *cards: EmulatedCard) -> None:
        """These cards leave at one instant."""
        with self._changed:
            self._chip.field.take(*cards)

    def wait_looks(self, count: int = LOOKS_TO_READ) -> None:
        """Until the driver has looked that often; raises TransientDeviceError if nobody does."""
        with self._changed:
            goal = self._chip.looks + count
            if not self._changed.wait_for(lambda: self._chip.looks >= goal, LOOK_TIMEOUT_S):
                raise TransientDeviceError(f"{self.line.link}: nobody looks for cards there")

    def hold(self, *cards: EmulatedCard) -> None:
        """Hold the cards to it together, long enough to be read, and take them away together."""
        self.put(*cards)
        try:
            self.wait_looks()
        finally:
            self.take(*cards)

    def close(self) -> None:
        """Unplug it for good."""
        if self._closing:
            return
        self._closing = True
        self.unplug()
        self._thread.join()
        os.close(self._woken)
        os.close(self._waker)

    def _wake_thread(self) -> None:
        os.write(self._waker, b"!")

    def _run(self) -> None:
        while not self._closing:
            waiting = [self._woken, *([self.line.fileno()] if self.line.plugged else [])]
            # An unplugged line's descriptor may already be closed, or be another file's: what is ready is asked again.
            with suppress(OSError, ValueError):
                if self._woken in select.select(waiting, [], [])[0]:
                    os.read(self._woken, 64)
            with self._changed:
                # A host that closes the line or flushes its input misses an answer, and asks again.
                with suppress(OSError, TransientDeviceError):
                    self._serve()
                self._changed.notify_all()

    def _serve(self) -> None:
        if not self.line.plugged or not (data := self.line.receive()):
            return
        speed = termios.tcgetattr(self.line.fileno())[5]
        for sent in self._chip.receive(data, SPEEDS.get(speed, 0)):
            if not self.byte_gap_s:
                self.line.send(sent)
                continue
            for byte in sent:
                self.line.send(bytes([byte]))
                time.sleep(self.byte_gap_s)
