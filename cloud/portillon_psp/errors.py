"""What the service refuses, as Stripe's error object says it (https://docs.stripe.com/api/errors)."""

from collections.abc import Mapping
from typing import Any


class ServiceError(Exception):
    """An answer that is no success; `body` is what the caller gets under "error"."""

    status = 400
    type = "invalid_request_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> None:
        super().__init__(message)
        self._body = {"type": self.type, "message": message, "code": code, "param": param, **more}

    @property
    def body(self) -> Mapping[str, Any]:
        """The error object, without what it does not say."""
        return {name: value for name, value in self._body.items() if value is not None}


class InvalidRequestError(ServiceError):
    """The request can never work as it is."""


class NotFoundError(ServiceError):
    """There is no such object of this account."""

    status = 404


class AuthenticationError(ServiceError):
    """No key, or none that opens an account here: live keys never do."""

    status = 401


class CardError(ServiceError):
    """The bank said no. `decline_code` says why."""

    status = 402
    type = "card_error"

    def carry(self, intent: Mapping[str, Any]) -> None:
        """Say what it was about: the intent as it is after the try."""
        self._body["payment_intent"] = dict(intent)


class IdempotencyError(ServiceError):
    """The key was used with other parameters."""

    type = "idempotency_error"


class RateLimitError(ServiceError):
    """Too many requests in this second; nothing was done (https://docs.stripe.com/rate-limits)."""

    status = 429


class OutageError(ServiceError):
    """Nothing was done, or nobody can say what."""

    status = 503
    type = "api_error"
