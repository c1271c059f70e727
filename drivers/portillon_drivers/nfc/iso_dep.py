"""The reader's side of ISO/IEC 14443-4: APDUs become blocks, and blocks APDUs, whatever the air does to them. Pure.

nfcpy has a layer of its own for this; it takes a waiting-time request inside a chained answer for data, and reads the
ATS by fixed places, so that a card which leaves one out ends in an IndexError. So only nfcpy's chip driver is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Transceive: TypeAlias = Callable[[bytes, float], bytes | None]
"""Sends a block and waits that many seconds for the card's; None: none came, or only a garbled one."""

RATS = b"\xe0\x80"
"""Request for answer to select: we take frames of 256 bytes (FSDI 8), card identifier 0 (§5.1)."""
CARRIER_HZ = 13_560_000
FRAME_BYTES = (16, 24, 32, 40, 48, 64, 96, 128, 256)
"""FSC by FSCI (§5.2.3); higher values are reserved and mean 256."""
FSCI_DEFAULT = 2
FWI_DEFAULT = 4
FWI_MAX = 14
EPILOGUE_BYTES = 2
RATS_TIMEOUT_S = 0.03
MARGIN_S = 49_152 / CARRIER_HZ
"""ΔFWT: how much longer than FWT the reader waits (§7.2)."""
WAIT_MAX_S = 1.0
"""Nobody holds a card still for longer, whatever waiting time it asks for."""
WAITS_MAX_S = 2.0
"""All the time together that a card may ask for in one turn."""
RETRIES_MAX = 2
"""Broken or missing blocks in one exchange, before the card is given up (§7.5.5.2 leaves the number open)."""
TURNS_MAX = 64
"""Blocks for one piece of an APDU, waiting-time requests included."""
ANSWER_BYTES_MAX = 8_192

I_BLOCK = 0x02
R_ACK = 0xA2
R_NAK = 0xB2
S_WTX = 0xF2
CHAINING = 0x10


class CardLost(Exception):
    """The card is not in the field any more, or too badly placed to be understood."""


@dataclass(frozen=True, slots=True)
class Ats:
    """What the answer to select says about the frames: bytes that the card takes, and how long it may think."""

    frame_bytes: int
    wait_s: float


def read_ats(ats: bytes) -> Ats:
    """Read an ATS (§5.2), whichever of its optional bytes are there; raises CardLost if it is cut."""
    if not ats or ats[0] != len(ats):
        raise CardLost("its answer to select is incomplete")
    if len(ats) == 1:
        return Ats(FRAME_BYTES[FSCI_DEFAULT], _wait_s(FWI_DEFAULT))
    has_ta, has_tb = ats[1] & 0x10, ats[1] & 0x20
    at = 2 + bool(has_ta)
    if has_tb and len(ats) <= at:
        raise CardLost("its answer to select is incomplete")
    fwi = ats[at] >> 4 if has_tb else FWI_DEFAULT
    return Ats(FRAME_BYTES[min(ats[1] & 0x0F, len(FRAME_BYTES) - 1)], _wait_s(fwi if fwi <= FWI_MAX else FWI_DEFAULT))


def _wait_s(fwi: int) -> float:
    return 4_096 / CARRIER_HZ * (1 << fwi)


class IsoDep:
    """A card that has answered RATS. One conversation at a time; every wait and retry is bounded."""

    def __init__(self, transceive: Transceive, ats: Ats) -> None:
        self._transceive = transceive
        self._piece_bytes = ats.frame_bytes - 1 - EPILOGUE_BYTES
        self._wait_s = ats.wait_s + MARGIN_S
        self._number = 0

    @classmethod
    def activate(cls, transceive: Transceive) -> "IsoDep":
        """Send RATS to a selected card; raises CardLost."""
        ats = transceive(RATS, RATS_TIMEOUT_S)
        if ats is None:
            raise CardLost("it did not answer to being selected")
        return cls(transceive, read_ats(ats))

    def exchange(self, apdu: bytes) -> bytes:
        """The card's whole answer; raises CardLost."""
        pieces = [apdu[at : at + self._piece_bytes] for at in range(0, len(apdu), self._piece_bytes)] or [b""]
        for piece in pieces[:-1]:
            block = self._turn(bytes([I_BLOCK | CHAINING | self._number]) + piece, R_NAK)
            if block[0] & 0xFE != R_ACK:
                raise CardLost("it answered before it was asked to the end")
            self._number ^= 1
        block = self._turn(bytes([I_BLOCK | self._number]) + pieces[-1], R_NAK)
        answer = _inf(block)
        while block[0] & CHAINING:
            self._number ^= 1
            block = self._turn(bytes([R_ACK | self._number]), R_ACK)
            answer += _inf(block)
            if len(answer) > ANSWER_BYTES_MAX:
                raise CardLost("its answer has no end")
        self._number ^= 1
        return answer

    def _turn(self, block: bytes, complaint: int) -> bytes:
        """The card's I-block, or its acknowledgement, of our number; §7.5.5 in the reader's view."""
        sending, wait_s, troubles, asked_s = block, self._wait_s, 0, 0.0
        for _ in range(TURNS_MAX):
            answer = self._transceive(sending, min(wait_s, WAIT_MAX_S))
            wait_s = self._wait_s
            if answer is not None and len(answer) == 2 and answer[0] == S_WTX and 1 <= answer[1] & 0x3F <= 59:
                multiple = answer[1] & 0x3F
                sending, wait_s = bytes([S_WTX, multiple]), self._wait_s * multiple
                asked_s += min(wait_s, WAIT_MAX_S)
                if asked_s > WAITS_MAX_S:
                    break
            elif answer is not None and _is_ours(answer, self._number):
                return answer
            else:
                troubles += 1
                if troubles > RETRIES_MAX:
                    raise CardLost("it stopped answering")
                unheard = answer is not None and answer[:1] == bytes([R_ACK | self._number ^ 1])
                sending = block if unheard else bytes([complaint | self._number])
        raise CardLost("it asks for more time without end")


def _is_ours(block: bytes, number: int) -> bool:
    """Whether it is a whole I-block or R(ACK) without card identifier, of that number."""
    return bool(block) and (block[0] & 0xEE == I_BLOCK or block == bytes([R_ACK | number])) and block[0] & 1 == number


def _inf(block: bytes) -> bytes:
    if block[0] & 0xEE != I_BLOCK:
        raise CardLost("it acknowledged where it should have answered")
    return block[1:]
