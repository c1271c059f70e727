"""What one indicator shows at an instant: how its door stands, and above that the last answer for its time. Pure.

1. An answer is shown for its time, then how the door stands; the newest answer replaces the one before.
2. A new standing is seen when the answer is over; one that sounds (an alarm, a fire), and a lockdown, which does not,
   end the answer at once.
3. What stands is begun again every REFRESH_MS: a device that lost power, or a display that a solenoid upset, shows it
   again within that time. Every standing pattern repeats a whole number of times in it, so nobody sees a seam.
"""

from dataclasses import dataclass

from portillon_drivers.indicators.pattern import Pattern

NS_PER_MS = 1_000_000
REFRESH_MS = 12_000


@dataclass(frozen=True, slots=True)
class Scened:
    """`pattern` began at `began_ns`; at `until_ns` something else is shown, or the same from its beginning."""

    pattern: Pattern
    began_ns: int
    until_ns: int


class Scene:
    """Of one indicator, from when `standing` is first shown."""

    def __init__(self, standing: Pattern, now_ns: int) -> None:
        self._standing = standing
        self._stands_ns = now_ns
        self._answer: Pattern | None = None
        self._answered_ns = 0

    def stand(self, pattern: Pattern, now_ns: int, *, at_once: bool = False) -> None:
        """From now on the door stands so; `at_once`: whatever was answered last."""
        self._forget_old_answer(now_ns)
        self._standing, self._stands_ns = pattern, now_ns
        if at_once or pattern.beeps is not None:
            self._answer = None

    def answer(self, pattern: Pattern | None, now_ns: int) -> None:
        """Somebody is answered; None: the last answer is over."""
        self._forget_old_answer(now_ns)
        if pattern is None and self._answer is not None:
            self._stands_ns = now_ns
        self._answer, self._answered_ns = pattern, now_ns

    def at(self, now_ns: int) -> Scened:
        """What is to be seen then."""
        self._forget_old_answer(now_ns)
        if self._answer is not None:
            ends_ns = self._answered_ns + _duration_ns(self._answer)
            return Scened(self._answer, self._answered_ns, ends_ns)
        refresh_ns = REFRESH_MS * NS_PER_MS
        self._stands_ns += (now_ns - self._stands_ns) // refresh_ns * refresh_ns
        return Scened(self._standing, self._stands_ns, self._stands_ns + refresh_ns)

    def _forget_old_answer(self, now_ns: int) -> None:
        if self._answer is not None and now_ns >= self._answered_ns + _duration_ns(self._answer):
            self._stands_ns = max(self._stands_ns, self._answered_ns + _duration_ns(self._answer))
            self._answer = None


def _duration_ns(pattern: Pattern) -> int:
    return (pattern.for_ms or 0) * NS_PER_MS
