"""What the site has laid down for one reader, without the wiring around it."""

from dataclasses import dataclass
from typing import Self

from portillon_drivers.options import PinUse, ReaderOptions
from portillon_rules.credential import CredentialKind

EVERY_CARD = frozenset(kind for kind in CredentialKind if not kind.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRules:
    """Which kinds count here, how PINs are used, and how long the same card is the same badge."""

    takes: frozenset[CredentialKind] = EVERY_CARD
    hold_off_ms: int = 3_000
    pin: PinUse = PinUse.NEVER
    pin_timeout_ms: int = 10_000
    pin_tries_max: int = 5
    pin_lockout_s: int = 300

    @classmethod
    def of(cls, options: ReaderOptions) -> Self:
        """The rules in a section `[[readers]]`."""
        return cls(
            takes=options.takes,
            hold_off_ms=options.hold_off_ms,
            pin=options.pin,
            pin_timeout_ms=options.pin_timeout_ms,
            pin_tries_max=options.pin_tries_max,
            pin_lockout_s=options.pin_lockout_s,
        )
