"""Signed links to the page on which a payer replaces their card, confirms with their bank, or tries again.

As `billing.exit_link`: a token is whose it is, until when, and an HMAC under a key of its own. Nothing of it is stored.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import Self

from portillon_cloud.errors import NotFoundError
from portillon_cloud.secrets import Keyring

LINK_DAYS = 14  # the days in which a reminder is acted on; each letter and the desk give a new one
DAY_MS = 24 * 3_600_000
_LABEL = b"pay-link-1"
_BODY = struct.Struct(">QQQ")  # organisation, account, until (ms of business time)
_MAC_BYTES = 16


class UnknownPayLinkError(NotFoundError):
    """No link of ours: cut off on the way, or made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPass:
    """What a genuine token says; whether it has run out is for who knows what time it is there."""

    organisation_id: int
    account_id: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class PayLinks:
    """Makes and reads links; `base_url` is where people reach this cloud."""

    key: bytes = field(repr=False)
    base_url: str

    @classmethod
    def of(cls, keyring: Keyring, base_url: str) -> Self:
        """Under a key drawn from the installation's data key, so that its backup is whole."""
        return cls(hmac.new(keyring.data_key, _LABEL, hashlib.sha256).digest(), base_url.rstrip("/"))

    def link(self, organisation_id: int, account_id: int, *, now_ms: int, days: int = LINK_DAYS) -> str:
        """The address of the account's page, for so many days of business time."""
        body = _BODY.pack(organisation_id, account_id, now_ms + days * DAY_MS)
        token = base64.urlsafe_b64encode(body + self._mac(body)).decode().rstrip("=")
        return f"{self.base_url}/pay/{token}"

    def read(self, token: str) -> PayPass:
        """What a token says. Raises UnknownPayLinkError for what was not made here."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            organisation_id, account_id, until_ms = _BODY.unpack(raw[:-_MAC_BYTES])
        except (binascii.Error, struct.error, ValueError) as error:
            raise UnknownPayLinkError(
                "this link is not whole; open it from the letter again, or ask the desk"
            ) from error
        if not hmac.compare_digest(self._mac(raw[:-_MAC_BYTES]), raw[-_MAC_BYTES:]):
            raise UnknownPayLinkError("this link is not one of ours; open it from the letter again, or ask the desk")
        return PayPass(organisation_id=organisation_id, account_id=account_id, until_ms=until_ms)

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self.key, body, hashlib.sha256).digest()[:_MAC_BYTES]
