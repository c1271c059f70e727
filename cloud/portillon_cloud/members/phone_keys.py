"""A member's phone, known by the public key it signs its passes with (wire/QR_PASS.md)."""

from portillon_rules.credential import Credential
from portillon_wire import qr_pass
from portillon_wire.ed25519_keys import anybody_can_sign

from portillon_cloud.members.errors import CredentialRefusedError


def phone_credential(public_key: str) -> Credential:
    """The credential of the phone with this Ed25519 public key, in hex; raises CredentialRefusedError."""
    try:
        key = bytes.fromhex(public_key)
    except ValueError:
        key = b""
    if len(key) != qr_pass.KEY_BYTES:
        raise CredentialRefusedError(
            f"a phone's public key is {qr_pass.KEY_BYTES} bytes: write its {2 * qr_pass.KEY_BYTES} hex digits"
        )
    if anybody_can_sign(key):
        raise CredentialRefusedError("under this public key anybody could sign: let the phone make another one")
    return qr_pass.phone_credential(key)
