"""The short keyed MAC that rests beside each row on the gateway: a flipped bit or a hand edit denies that one row."""

import hashlib

from portillon_rules.credential import SiteKey

MAC_BYTES = 8


def row_mac_key(site_key: SiteKey) -> bytes:
    """The 32-byte MAC key of a site, derived from its credential key so that one secret file is enough."""
    return hashlib.blake2b(b"portillon row mac", key=site_key.secret, digest_size=32).digest()


def row_mac(kind: str, key: str, body: bytes, secret: bytes) -> bytes:
    """Eight bytes over kind, key and stored body (keyed BLAKE2b, RFC 7693); kind and key hold no NUL byte."""
    message = b"\0".join((kind.encode(), key.encode(), body))
    return hashlib.blake2b(message, key=secret, digest_size=MAC_BYTES).digest()
