"""Parameters taken out of a request one by one: what nobody reads is an error, as it is with Stripe."""

from collections.abc import Mapping, Sequence
from typing import Any

from portillon_psp.errors import InvalidRequestError

AMOUNT_MOST = 99_999_999  # https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_REQUIRED = object()


class Params:
    """The request's parameters; `done` refuses what was not asked for."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._left = dict(given)

    def text(self, name: str, default: Any = _REQUIRED) -> Any:
        """One value as text."""
        value = self._take(name, default)
        if value is not default and not isinstance(value, str):
            raise InvalidRequestError(f"{name} is one value, not a group", param=name)
        return value

    def whole(self, name: str, default: Any = _REQUIRED, *, least: int = 1, most: int = AMOUNT_MOST) -> Any:
        """A whole number."""
        value = self.text(name, default)
        if value is default:
            return default
        if not value.isdecimal() or not least <= int(value) <= most:
            raise InvalidRequestError(
                f"{name} is a whole number from {least} to {most}", code="parameter_invalid", param=name
            )
        return int(value)

    def flag(self, name: str) -> bool:
        """True only if it says so."""
        value = self.text(name, "false")
        if value not in ("true", "false"):
            raise InvalidRequestError(f"{name} is true or false", param=name)
        return bool(value == "true")

    def group(self, name: str) -> dict[str, Any]:
        """A group of values; empty if there is none."""
        value = self._take(name, {})
        if not isinstance(value, dict):
            raise InvalidRequestError(f"{name} is a group of values", param=name)
        return value

    def listed(self, name: str, default: Sequence[str]) -> Sequence[str]:
        """A list of values."""
        value = self._take(name, default)
        if not isinstance(value, list | tuple):
            raise InvalidRequestError(f"{name} is a list", param=name)
        return value

    def done(self) -> None:
        """Raises InvalidRequestError for a parameter that nothing reads."""
        self._left.pop("expand", None)
        if self._left:
            unknown = min(self._left)
            raise InvalidRequestError(f"Received unknown parameter: {unknown}", code="parameter_unknown", param=unknown)

    def _take(self, name: str, default: Any) -> Any:
        value = self._left.pop(name, default)
        if value is _REQUIRED or value == "":
            raise InvalidRequestError(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return value
