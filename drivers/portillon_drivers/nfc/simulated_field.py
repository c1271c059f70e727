"""The radio field of a simulated PN532: which cards lie in it, and what each hears and answers. Pure.

States are those of ISO/IEC 14443-3. Not modelled: distance, and frames that get lost on the air.
"""

from dataclasses import dataclass, field
from enum import Enum

from portillon_drivers.cards.emulated import EmulatedCard, Technology
from portillon_drivers.nfc.simulated_iso_dep import S_DESELECT, SimulatedIsoDep

HLTA = b"\x50\x00"
HLTB = 0x50
WUPB = 0x05
WUPB_PARAMETER = 0x08
ATTRIB = 0x1D
RATS = 0xE0
ISO_DEP_SAK = 0x20


class State(Enum):
    """What a card is waiting for."""

    IDLE = "idle"
    ACTIVE = "active"
    """Selected (type B: found and not yet attributed)."""
    PROTOCOL = "protocol"
    """Speaks ISO 14443-4."""
    HALT = "halt"
    """Answers no search until the field goes or it is woken by name."""


@dataclass(slots=True, eq=False)
class CardInField:
    """A card and its state; `leaves_after` is how many more frames it hears before somebody tears it out."""

    card: EmulatedCard
    leaves_after: int | None = None
    wtx: int = 0
    piece_bytes: int | None = None
    state: State = State.IDLE
    _dep: SimulatedIsoDep | None = field(default=None, init=False)
    _selected_before: bool = field(default=False, init=False)

    def power_on(self) -> None:
        """The field came on around it."""
        self.state = State.IDLE
        self._selected_before = False
        self.card.select()

    def activate(self) -> None:
        """Found and selected by the chip's search."""
        if self._selected_before:
            self.card.select()
        self._selected_before = True
        self.state = State.ACTIVE

    def hear(self, frame: bytes) -> bytes | None:
        """Its answer to a frame (without CRC); None: it is silent."""
        if self.card.technology == "nfcb" and self.state in (State.HALT, State.IDLE):
            if len(frame) != 3 or frame[0] != WUPB or not frame[2] & WUPB_PARAMETER:
                return None
            self.state = State.ACTIVE
            return self.card.raw(frame)
        if self.state is State.PROTOCOL:
            return self._protocol(frame)
        return self._active(frame) if self.state is State.ACTIVE else None

    def _active(self, frame: bytes) -> bytes | None:
        if self.card.technology == "nfca" and frame == HLTA:
            self.state = State.HALT
            return None
        if self.card.technology == "nfca" and frame[0] == RATS and len(frame) == 2 and self.card.sak & ISO_DEP_SAK:
            self._start(frame[1] >> 4)
            return self.card.ats
        if self.card.technology == "nfcb" and frame == bytes([HLTB]) + self.card.uid:
            self.state = State.HALT
            return b"\x00"
        if self.card.technology == "nfcb" and frame[:5] == bytes([ATTRIB]) + self.card.uid and len(frame) >= 9:
            self._start(frame[6] & 0x0F)
            return b"\x00"
        answer = self.card.raw(frame)
        if answer is None and self.card.technology == "nfca":
            self.state = State.IDLE  # ISO 14443-3 §6.3.5: what it does not understand sends it back
        return answer

    def attribute(self) -> None:
        """The chip's own search for type B also attributes."""
        self._start(fsdi=5)

    def _start(self, fsdi: int) -> None:
        self.state = State.PROTOCOL
        self._dep = SimulatedIsoDep(self.card.apdu, fsdi=fsdi, wtx=self.wtx, piece_bytes=self.piece_bytes)

    def _protocol(self, frame: bytes) -> bytes | None:
        if frame[0] & 0xF7 == S_DESELECT:
            self.state = State.HALT
            return frame
        return None if self._dep is None else self._dep.receive(frame)


class SimulatedField:
    """All cards near the antenna, in no order but that of the anticollision."""

    def __init__(self) -> None:
        self._cards: list[CardInField] = []
        self.on = False

    def put(self, *cards: CardInField) -> None:
        """They come near at one instant."""
        for card in cards:
            self._cards.append(card)
            if self.on:
                card.power_on()

    def take(self, *cards: EmulatedCard) -> None:
        """They leave at one instant; a card that is not there is no mistake."""
        self._cards = [here for here in self._cards if all(here.card is not card for card in cards)]

    def switch(self, on: bool) -> None:
        """The field goes on or off."""
        if on and not self.on:
            for card in self._cards:
                card.power_on()
        self.on = on

    def answering(self, technology: Technology) -> list[CardInField]:
        """Cards that answer a search, lowest number first: so the bits decide in type A's anticollision.

        A card that was selected falls back without a word and answers the next search."""
        near = [here for here in self._cards if here.card.technology == technology]
        found = [here for here in near if here.state is State.IDLE or technology == "felica"]
        for here in near:
            if here.state is State.ACTIVE:
                here.state = State.IDLE
        return sorted(found, key=lambda here: here.card.uid)

    def hear(self, frame: bytes) -> list[bytes]:
        """What comes back when the reader sends a frame; several answers spoil each other."""
        for here in list(self._cards):
            if here.leaves_after is not None and here.state in (State.ACTIVE, State.PROTOCOL):
                if here.leaves_after <= 0:
                    self._cards.remove(here)
                here.leaves_after -= 1
        answers = [here.hear(frame) for here in self._cards] if frame else []
        return [answer for answer in answers if answer is not None]
