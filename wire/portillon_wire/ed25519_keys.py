"""Which 32 bytes are no honest Ed25519 public key, although common libraries verify under them. Pure.

Under a key of small order a signature can be made without any private key, for any message; and a coordinate above the
field's prime is a second spelling of another key (RFC 8032 §5.1.3 refuses it; OpenSSL reads it).
"""

_PRIME = 2**255 - 19
_ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER_Y = frozenset({1, _PRIME - 1, 0, _ORDER_8_Y, _PRIME - _ORDER_8_Y})
"""Of orders 1, 2, 4, 8 and 8: the y of the eight points whose order divides the cofactor. A test finds them anew."""


def anybody_can_sign(public_key: bytes) -> bool:
    """Whether this key (32 bytes) has small order or is spelled in a way of which there is a second one."""
    y = int.from_bytes(public_key, "little") & (2**255 - 1)
    return y >= _PRIME or y in _SMALL_ORDER_Y
