"""How often the card networks let one card be tried again. Pure.

Beyond these counts the merchant pays for each further try. Sources: the retry rules as acquirers publish them for Visa
(15 in 30 days for the same card and amount; 20 since May 2025) and Mastercard (10 in 24 hours, 35 in 30 days for the
same card): support.checkout.com "When can I retry a declined transaction", developers.tabapay.com "Excessive retry
rules". We keep to the lower count, and count every refused try of a card, whatever its amount.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DAY_MS = 24 * 3_600_000
WINDOW_LONGEST_MS = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many refused tries of one card within any window of this length."""

    tries_max: int
    window_ms: int


CAPS: Mapping[str, tuple[Cap, ...]] = {
    "visa": (Cap(15, WINDOW_LONGEST_MS),),
    "mastercard": (Cap(10, DAY_MS), Cap(35, WINDOW_LONGEST_MS)),
}


def allowed_from_ms(refused_ms: Sequence[int], now_ms: int, scheme: str | None = None) -> int:
    """The first instant from now on at which one more try keeps to every cap of the scheme.

    A scheme that is not known, or of which we know no caps, is held to all of them: the strictest counts.
    `refused_ms`: when the card was refused, in order.
    """
    caps = CAPS.get(scheme or "") or [cap for each in CAPS.values() for cap in each]
    allowed_ms = now_ms
    for cap in caps:
        if len(refused_ms) >= cap.tries_max:
            # Once the earliest of the last so many has left the window, there is room for one.
            allowed_ms = max(allowed_ms, refused_ms[-cap.tries_max] + cap.window_ms)
    return allowed_ms
