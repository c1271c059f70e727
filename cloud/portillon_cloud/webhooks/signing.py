"""Secrets and signatures as Standard Webhooks 1.0.0 lays them down (standardwebhooks.com), by its own library."""

import base64
import datetime
import secrets
from collections.abc import Mapping, Sequence

from standardwebhooks.webhooks import Webhook

from portillon_cloud.secrets import Keyring

SECRET_BYTES = 32  # the standard: 24 to 64
PREFIX = "whsec_"


def new_secret() -> str:
    """A secret from the system's random source, as its holder writes it down."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(keyring: Keyring, secret: str, *, organisation_id: int) -> bytes:
    """The secret as it rests in the database."""
    return keyring.seal(secret.encode(), purpose=_purpose(organisation_id))


def unseal(keyring: Keyring, sealed: bytes, *, organisation_id: int) -> str:
    """The secret again. Raises SecretsError."""
    return keyring.unseal(sealed, purpose=_purpose(organisation_id)).decode()


def signed(message_id: str, body: bytes, secrets_in_force: Sequence[str], *, real_ms: int) -> Mapping[str, str]:
    """The three headers; one signature for each secret in force, so that a receiver may change over in its own time."""
    at = datetime.datetime.fromtimestamp(real_ms // 1000, datetime.UTC)
    signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in secrets_in_force]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(real_ms // 1000),
        "webhook-signature": " ".join(signatures),
    }


def _purpose(organisation_id: int) -> str:
    return f"webhook_endpoint.secret of organisation {organisation_id}"
