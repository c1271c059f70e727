"""The pass that a member's phone shows as a QR code: read, verified offline, judged. Pure (wire/QR_PASS.md).

    PORTILLON: Base45 of  version (1)  public key (32)  issued_s (4)  lifetime_s (1)  nonce (8)  signature (64)

The key certifies itself: the credential is its fingerprint, so nothing but the entitlement says whose it is. Whether a
pass was shown before, its nonce tells to whoever remembers nonces until `forget_after_ms`.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.decision import TimeQuality

from portillon_wire import base45
from portillon_wire.ed25519_keys import anybody_can_sign
from portillon_wire.errors import PassForgedError, PassMalformedError

CLAIM = "PORTILLON:"
"""A text that begins so claims to be a phone pass."""
VERSION = 1
DOMAIN = b"portillon qr pass\0"
"""What is signed begins so: no signature made for anything else is ever a pass."""
KEY_BYTES = 32
NONCE_BYTES = 8
SIGNATURE_BYTES = 64
BODY_BYTES = 1 + KEY_BYTES + 4 + 1 + NONCE_BYTES
TEXT_CHARS = len(CLAIM) + (BODY_BYTES + SIGNATURE_BYTES) // 2 * 3
"""175: one QR code of version 7 at level M, whose alphanumeric mode holds 178 (ISO/IEC 18004 table 7)."""
LIFETIME_S_MAX = 30
CLOCK_SKEW_MS = 10_000
"""How far a phone's clock and a gateway's may lie apart. Phones in a network keep within a second or two; a gateway
without one drifts by up to 100 ppm, 9 s a day."""


class Freshness(StrEnum):
    """What a pass's own dates are worth at this instant."""

    FRESH = "fresh"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from_the_future"
    """Issued later than now, by more than the skew: the phone's clock is wrong."""
    CANNOT_JUDGE = "cannot_judge"
    """This gateway does not know the time well enough to tell a fresh pass from an old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePass:
    """A rightly signed pass. That it is fresh and was not shown before is still to be found out."""

    credential: Credential
    issued_s: int
    lifetime_s: int
    nonce: bytes = field(repr=False)

    def forget_after_ms(self, skew_ms: int = CLOCK_SKEW_MS) -> int:
        """The real time from which `judge` calls it expired for ever, so that its nonce may be forgotten."""
        return (self.issued_s + self.lifetime_s) * 1_000 + skew_ms


def read_pass(text: str) -> PhonePass:
    """The pass in a text; raises PassMalformedError or PassForgedError, and nothing else for any text."""
    if not text.startswith(CLAIM):
        raise PassMalformedError(f"this is no phone pass: it begins with {CLAIM}")
    if len(text) != TEXT_CHARS:
        raise PassMalformedError(f"a phone pass has {TEXT_CHARS} characters, this text {len(text)}")
    try:
        data = base45.decode(text[len(CLAIM) :])
    except base45.Base45Error as error:
        raise PassMalformedError(f"this phone pass was misread: {error}") from None
    body, signature = data[:BODY_BYTES], data[BODY_BYTES:]
    version, key, dates, nonce = (
        body[0],
        body[1 : 1 + KEY_BYTES],
        body[1 + KEY_BYTES : -NONCE_BYTES],
        body[-NONCE_BYTES:],
    )
    if version != VERSION:
        raise PassMalformedError(
            f"a phone pass of version {version}; this gateway reads version {VERSION}: update the older side"
        )
    lifetime_s = dates[4]
    if not 1 <= lifetime_s <= LIFETIME_S_MAX:
        raise PassMalformedError(f"a phone pass for {lifetime_s} s; it may last 1 to {LIFETIME_S_MAX} s")
    _verify(key, signature, DOMAIN + body)
    return PhonePass(
        credential=phone_credential(key),
        issued_s=int.from_bytes(dates[:4], "big"),
        lifetime_s=lifetime_s,
        nonce=nonce,
    )


def phone_credential(public_key: bytes) -> Credential:
    """The credential of the phone that holds this key (32 raw bytes)."""
    if len(public_key) != KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {KEY_BYTES} bytes, not {len(public_key)}")
    return Credential(CredentialKind.PHONE, hashlib.sha256(public_key).hexdigest()[:32].upper())


def judge(
    shown: PhonePass,
    *,
    real_ms: int | None,
    quality: TimeQuality,
    trust_lagging_clock: bool = False,
    skew_ms: int = CLOCK_SKEW_MS,
) -> Freshness:
    """Whether a pass is fresh at real time `real_ms` (Unix milliseconds; None: unknown).

    Uncertain time is a lower bound: it can show that a pass has expired, never that it has not. `trust_lagging_clock`
    calls such a pass fresh all the same; then an old copy that nobody showed here before may pass.
    """
    if real_ms is None or quality is TimeQuality.UNKNOWN:
        return Freshness.CANNOT_JUDGE
    if real_ms >= shown.forget_after_ms(skew_ms):
        return Freshness.EXPIRED
    if quality is TimeQuality.UNCERTAIN:
        return Freshness.FRESH if trust_lagging_clock else Freshness.CANNOT_JUDGE
    if real_ms < shown.issued_s * 1_000 - skew_ms:
        return Freshness.FROM_THE_FUTURE
    return Freshness.FRESH


def _verify(key: bytes, signature: bytes, message: bytes) -> None:
    if anybody_can_sign(key):
        raise PassForgedError("this phone pass has a key for which anybody can sign")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        raise PassForgedError("the signature of this phone pass does not fit its content") from None
