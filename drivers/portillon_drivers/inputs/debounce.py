"""A contact bounces; a state counts once it has stood for the debounce time. Pure, and the first state is told too."""


class Debounce:
    """Turns samples into settled changes."""

    def __init__(self, debounce_ns: int) -> None:
        self._debounce_ns = debounce_ns
        self._settled: bool | None = None
        self._candidate: bool | None = None
        self._since_ns = 0

    def sample(self, active: bool, at_ns: int) -> bool | None:
        """The new settled state if this sample settles one, else None."""
        if active is not self._candidate:
            self._candidate, self._since_ns = active, at_ns
        if active is self._settled or at_ns - self._since_ns < self._debounce_ns:
            return None
        self._settled = active
        return active

    def forget(self) -> None:
        """The line was lost: what is found next is told anew."""
        self._settled = self._candidate = None
