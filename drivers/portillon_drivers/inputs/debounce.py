"""A contact bounces; a state counts once it has stood for the debounce time. Pure, and the first state is told too."""

from typing import Generic, TypeVar

S = TypeVar("S")


class Debounce(Generic[S]):
    """Turns samples into settled changes; states are told apart by identity (bools, members of an enumeration)."""

    def __init__(self, debounce_ns: int) -> None:
        self._debounce_ns = debounce_ns
        self._settled: S | None = None
        self._candidate: S | None = None
        self._since_ns = 0
        self._rest_ns: int | None = None

    def sample(self, state: S, at_ns: int) -> S | None:
        """The new settled state if this sample settles one, else None."""
        if self._rest_ns is None:
            self._rest_ns = at_ns
        if state is not self._candidate:
            self._candidate, self._since_ns = state, at_ns
        if at_ns - self._since_ns < self._debounce_ns:
            return None
        self._rest_ns = at_ns
        if state is self._settled:
            return None
        self._settled = state
        return state

    def restless_ns(self, at_ns: int) -> int:
        """For how long no state has stood for the debounce time; a bounce is over long before a second."""
        return 0 if self._rest_ns is None else at_ns - self._rest_ns

    def forget(self) -> None:
        """The line was lost: what is found next is told anew."""
        self._settled = self._candidate = self._rest_ns = None
