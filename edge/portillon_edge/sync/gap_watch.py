"""When a gap in the feed is asked for: after 0.5 to 1 s, then less and less often until it is filled. Pure."""

import random

GAP_NS = 500_000_000
GAP_NS_MAX = 30_000_000_000


class GapWatch:
    """`at_ns` is when to ask; None: nothing is missing."""

    def __init__(self, jitter: random.Random) -> None:
        self.at_ns: int | None = None
        self._delay_ns = GAP_NS
        self._jitter = jitter

    def notice(self, now_ns: int) -> None:
        """Something is missing; what is on its way may still come."""
        if self.at_ns is None:
            self.at_ns = now_ns + int(self._delay_ns * (1 + self._jitter.random()))

    def asked(self, now_ns: int) -> None:
        """It was asked for; the answer may be lost."""
        self._delay_ns = min(GAP_NS_MAX, self._delay_ns * 2)
        self.at_ns = now_ns + int(self._delay_ns * (1 + self._jitter.random()))

    def put_off(self) -> None:
        """A snapshot fills it."""
        self.at_ns = None

    def filled(self) -> None:
        """The feed goes on."""
        self.at_ns, self._delay_ns = None, GAP_NS
