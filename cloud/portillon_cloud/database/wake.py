"""The in-process bell: a commit that made work rings it, the worker waits on it instead of sleeping."""

import threading


class Wake:
    """Set by commits, waited on and cleared by one worker; a ring before the wait is not lost."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ring."""
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for a ring for at most `timeout_s`; True if it rang. The ring is consumed."""
        rang = self._event.wait(timeout_s)
        self._event.clear()
        return rang
