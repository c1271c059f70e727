"""Signed links that lead to one subscription's page without a password: from letters, and from the desk.

A token is who it is for, until when, and an HMAC under a key of its own, drawn from the installation's. Nothing of it
is stored. It opens that one page alone, which shows no more than a letter does.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from portillon_cloud.errors import NotFoundError
from portillon_cloud.secrets import Keyring

LETTER_DAYS = 180  # a notice comes up to three months before a term ends, and is looked for after
DESK_DAYS = 7
DAY_MS = 24 * 3_600_000
_LABEL = b"exit-link-1"
_BODY = struct.Struct(">BQQQ")  # purpose, organisation, subscription, until (ms)
_MAC_BYTES = 16


class Purpose(Enum):
    """What the page is for."""

    LEAVE = 1
    RENEW = 2

    @property
    def path(self) -> str:
        """Where its page is."""
        return "leave" if self is Purpose.LEAVE else "renew"


class UnknownLinkError(NotFoundError):
    """No link of ours: cut off on the way, or made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPass:
    """What a genuine token says; whether it has run out is for who knows what time it is there."""

    purpose: Purpose
    organisation_id: int
    subscription_id: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class ExitLinks:
    """Makes and reads links; `base_url` is where people reach this cloud, without a slash at its end."""

    key: bytes = field(repr=False)
    base_url: str

    @classmethod
    def of(cls, keyring: Keyring, base_url: str) -> Self:
        """Under a key drawn from the installation's data key, so that its backup is whole."""
        return cls(hmac.new(keyring.data_key, _LABEL, hashlib.sha256).digest(), base_url.rstrip("/"))

    def link(
        self, organisation_id: int, subscription_id: int, purpose: Purpose, *, now_ms: int, days: int = LETTER_DAYS
    ) -> str:
        """The address of the page, for so many days of business time."""
        body = _BODY.pack(purpose.value, organisation_id, subscription_id, now_ms + days * DAY_MS)
        token = base64.urlsafe_b64encode(body + self._mac(body)).decode().rstrip("=")
        return f"{self.base_url}/{purpose.path}/{token}"

    def read(self, token: str, purpose: Purpose) -> ExitPass:
        """What a token says. Raises UnknownLinkError for what was not made here, or for another page."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            said, organisation_id, subscription_id, until_ms = _BODY.unpack(raw[:-_MAC_BYTES])
        except (binascii.Error, struct.error, ValueError) as error:
            raise UnknownLinkError("this link is not whole; open it from the letter again, or ask the desk") from error
        genuine = hmac.compare_digest(self._mac(raw[:-_MAC_BYTES]), raw[-_MAC_BYTES:])
        if not genuine or said != purpose.value:
            raise UnknownLinkError("this link is not one of ours; open it from the letter again, or ask the desk")
        return ExitPass(
            purpose=purpose, organisation_id=organisation_id, subscription_id=subscription_id, until_ms=until_ms
        )

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self.key, body, hashlib.sha256).digest()[:_MAC_BYTES]
