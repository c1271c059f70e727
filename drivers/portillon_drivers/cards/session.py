"""A conversation that both sides proved their key for: what EV1 and EV2 secure messaging have in common.

`Ev2Session` speaks with NTAG 424 DNA and DESFire EV2 and EV3, `Ev1Session` with DESFire EV1.
"""

import secrets
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol, TypeAlias

from portillon_drivers.cards.apdu import AUTHENTICATION_ERROR, MORE, OK, Native, native_frame
from portillon_drivers.cards.cipher import BLOCK_BYTES
from portillon_drivers.cards.dialogue import Dialogue
from portillon_drivers.cards.errors import CardProtocolError, CardRefused, NotGenuine

Random: TypeAlias = Callable[[int], bytes]
"""So many random bytes; secrets.token_bytes wherever no test needs others."""
SYSTEM_RANDOM: Random = secrets.token_bytes


class CommMode(IntEnum):
    """How a file or a command travels, as file settings write it."""

    PLAIN = 0
    MAC = 1
    FULL = 3
    """Enciphered, with a MAC."""


class Session(Protocol):
    """An authenticated conversation, either generation."""

    @property
    def key_number(self) -> int:
        """The key that was proven."""

    def send(self, step: str, command: int, header: bytes, data: bytes = b"", *, mode: CommMode) -> Dialogue[None]:
        """A command that answers with no data. Raises CardRefused, NotGenuine (wrong MAC)."""

    def read(self, step: str, command: int, header: bytes, length: int) -> Dialogue[bytes]:
        """`length` enciphered bytes. Raises CardRefused, CardProtocolError, NotGenuine (wrong MAC or CRC)."""

    def change_key(self, number: int, *, new: bytes, old: bytes, version: int) -> Dialogue[None]:
        """Put `new` where `old` was; changing the proven key ends the session. Raises CardRefused, NotGenuine."""


def first_challenge(step: str, command: int, data: bytes) -> Dialogue[bytes]:
    """The card's E(RndB). Raises NotGenuine for a card without such a key, CardRefused, CardProtocolError."""
    challenge, status = yield from native_frame(step, command, data)
    _believe(step, status, MORE)
    if len(challenge) != BLOCK_BYTES:
        raise CardProtocolError(f"{step}: a challenge of {len(challenge)} bytes instead of {BLOCK_BYTES}")
    return challenge


def second_answer(step: str, token: bytes, length: int) -> Dialogue[bytes]:
    """The card's answer to our token. Raises NotGenuine (another key), CardRefused, CardProtocolError."""
    answer, status = yield from native_frame(step, Native.ADDITIONAL_FRAME, token)
    _believe(step, status, OK)
    if len(answer) != length:
        raise CardProtocolError(f"{step}: an answer of {len(answer)} bytes instead of {length}")
    return answer


def _believe(step: str, status: int, expected: int) -> None:
    if status == AUTHENTICATION_ERROR:
        raise NotGenuine(f"{step}: the card holds another key")
    if status != expected:
        raise CardRefused(step, status)
