"""The signed permission to run one reader in clear text, until a day: docs/adr/0011-clear-text-waivers.md.

A waiver is a compact JWS (RFC 7515) with `alg` EdDSA (RFC 8037), so that it can be made and read by any JOSE tool:

    {"insecure_clear_text": true, "reader": "lane1-reader", "place": "/dev/serial/… address 1", "iat": …, "exp": …}
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from portillon_drivers.errors import PermanentDeviceError

HEADER = {"alg": "EdDSA", "typ": "portillon-clear-text-waiver"}
LIFETIME_DAYS_MAX = 366
"""Whoever lets a reader run in clear text says so again each year."""
DAY_S = 86_400
TEXT_BYTES_MAX = 4_096


class WaiverRefused(PermanentDeviceError):
    """The file is no waiver for this reader; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ClearTextWaiver:
    """Which reader may run in clear text, and until when (Unix time in s)."""

    reader: str
    place: str
    iat: int
    exp: int

    def refusal(self, *, reader: str, place: str, now_s: int) -> str | None:
        """Why that reader may not run on it now; None if it may."""
        if (self.reader, self.place) != (reader, place):
            return f'it was signed for "{self.reader}" at {self.place}, and this is "{reader}" at {place}'
        if self.exp - self.iat > LIFETIME_DAYS_MAX * DAY_S:
            return f"it lasts longer than {LIFETIME_DAYS_MAX} days"
        if now_s >= self.exp:
            return "it has expired"
        return None


def sign(waiver: ClearTextWaiver, key: Ed25519PrivateKey) -> str:
    """The waiver's text, to be laid beside the configuration."""
    signed = f"{_encoded(HEADER)}.{_encoded({'insecure_clear_text': True, **asdict(waiver)})}"
    return f"{signed}.{_base64url(key.sign(signed.encode('ascii')))}"


def read(text: str, key: Ed25519PublicKey) -> ClearTextWaiver:
    """The waiver in that text, its signature checked; raises WaiverRefused."""
    try:
        if len(text) > TEXT_BYTES_MAX:
            raise ValueError
        header, payload, signature = (_decoded(part) for part in text.strip().split("."))
        key.verify(signature, text.strip().rpartition(".")[0].encode("ascii"))
        # Only what the key has signed is read at all.
        if json.loads(header) != HEADER:
            raise WaiverRefused("it was signed, but not as a waiver for clear text")
        claims = json.loads(payload)
        if claims.pop("insecure_clear_text") is not True:
            raise ValueError
        waiver = ClearTextWaiver(**claims)
        if not all(isinstance(value, kind) for value, kind in zip(asdict(waiver).values(), _KINDS, strict=True)):
            raise ValueError
    except InvalidSignature:
        raise WaiverRefused("its signature does not fit waiver_key: it was altered, or signed by another key") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error) as error:
        raise WaiverRefused("it cannot be read: have it signed again (portillon-edge osdp waive)") from error
    return waiver


_KINDS = (str, str, int, int)


def _encoded(claims: Mapping[str, object]) -> str:
    return _base64url(json.dumps(claims, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
