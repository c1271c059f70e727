"""The in-process bell: a commit that made work rings it, and whoever works on what is committed hears it at once."""

import threading


class Wake:
    """Rung by commits. Every thread that waits hears every ring, also one from before it began to wait, once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0
        self._heard = threading.local()

    def set(self) -> None:
        """Ring."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has rung since this thread's last wait, for at most `timeout_s`; True if it has."""
        heard = getattr(self._heard, "rings", 0)
        with self._changed:
            rang = self._changed.wait_for(lambda: self._rings != heard, timeout_s)
            self._heard.rings = self._rings
        return rang
