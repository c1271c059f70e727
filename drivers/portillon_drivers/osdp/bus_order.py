"""Whose turn it is on the bus. Pure; the arithmetic is in `timing`."""

from collections.abc import Sequence

from portillon_drivers.osdp.reader_session import NEVER_NS, ReaderSession
from portillon_drivers.osdp.timing import PROBE_SHARE

EXCHANGES_PER_GREETING = 6
"""Of which a greeting takes four: when many readers come at once, those already met have the bus in between."""


class BusOrder:
    """An output first, then greetings under way, then a probe if one is allowed, then whoever waited longest.

    A reader whose output went first waits with its next one until everybody else who wants the bus had it since.
    """

    def __init__(self, sessions: Sequence[ReaderSession]) -> None:
        self._sessions = sessions
        self._exchanges = 0
        self._last_probe = 0
        self._probe_failed = False
        self._probe_from_ns = 0

    def choose(self, now_ns: int) -> ReaderSession | None:
        """The reader that may have the bus now."""
        due = [session for session in self._sessions if session.due_ns() <= now_ns]
        if not due:
            return None
        under_way = [session for session in due if session.greeting]
        probes = [session for session in due if session.silence.probing]
        alive = [session for session in due if not session.silence.probing]
        urgent = [session for session in alive if session.urgent and self._may_hurry(session, alive)]
        if urgent:
            chosen = min(urgent, key=_waited)
            chosen.hurried = self._exchanges + 1
        elif under_way:
            chosen = min(under_way, key=_waited)
        elif probes and self._may_probe(alive, now_ns):
            chosen = min(probes, key=_waited)
            self._last_probe, self._probe_failed = self._exchanges + 1, False
        elif alive:
            chosen = min(alive, key=_waited)
        else:
            return None
        self._exchanges += 1
        chosen.served = self._exchanges
        return chosen

    def probed(self, took_ns: int, now_ns: int) -> None:
        """A probe held the bus for so long without an answer."""
        self._probe_failed = True
        self._probe_from_ns = now_ns + int(took_ns * PROBE_SHARE)

    def wake_ns(self) -> int:
        """When somebody may have the bus, if nothing else happens."""
        earliest_ns = NEVER_NS
        for session in self._sessions:
            due_ns = session.due_ns()
            if session.silence.probing and self._anybody_alive():
                due_ns = max(due_ns, self._probe_from_ns)
            earliest_ns = min(earliest_ns, due_ns)
        return earliest_ns

    def _may_hurry(self, hurrying: ReaderSession, alive: list[ReaderSession]) -> bool:
        since = hurrying.hurried
        return since == 0 or all(session.served > since for session in alive if session is not hurrying)

    def _may_probe(self, alive: list[ReaderSession], now_ns: int) -> bool:
        if not self._anybody_alive():
            return True
        if not alive:
            return now_ns >= self._probe_from_ns
        if self._probe_failed:
            return now_ns >= self._probe_from_ns and all(session.served > self._last_probe for session in alive)
        return self._exchanges - self._last_probe >= EXCHANGES_PER_GREETING

    def _anybody_alive(self) -> bool:
        return any(not s.silence.probing and s.due_ns() < NEVER_NS for s in self._sessions)


def _waited(session: ReaderSession) -> int:
    return session.served
