"""Secrets that are shown once and kept as hashes: session tokens and API keys."""

import hashlib
import secrets

API_KEY_PREFIX = "plk_"  # so that a leaked key is recognised by people and by scanners


def new_session_token() -> str:
    """256 random bits, for a cookie."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """256 random bits behind a recognisable prefix."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What the database keeps. Plain SHA-256 is enough: the token itself has 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
