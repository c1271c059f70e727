"""A thread for each driver. A driver that breaks takes nobody with it: it is told as down, and started again."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from portillon_drivers.backoff import Backoff
from portillon_drivers.events import InputDown, InputEvent, ReaderDown, ReaderEvent
from portillon_drivers.ports import Inputs, Reader

logger = logging.getLogger(__name__)

JOIN_SECONDS_MAX = 3.0
DeviceEvent = ReaderEvent | InputEvent


class DeviceThreads:
    """Runs readers and input boards until `stop`; every event goes to `emit`, on the device's own thread."""

    def __init__(
        self,
        readers: Iterable[Reader],
        boards: Iterable[Inputs],
        *,
        emit: Callable[[DeviceEvent], None],
        clock_ns: Callable[[], int],
    ) -> None:
        self._emit = emit
        self._clock_ns = clock_ns
        self._stop = threading.Event()
        self._threads = [
            *(self._thread(reader.run, (reader.name,), ReaderDown) for reader in readers),
            *(self._thread(board.run, board.names, InputDown) for board in boards),
        ]

    def start(self) -> None:
        """Open all devices."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[str]:
        """Let all drivers return; names the ones that did not in time."""
        self._stop.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS_MAX)
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _thread(
        self,
        run: Callable[[Callable[[DeviceEvent], None], threading.Event], None],
        names: Sequence[str],
        down: type[ReaderDown] | type[InputDown],
    ) -> threading.Thread:
        def keep_running() -> None:
            backoff, told = Backoff(), ""
            while not self._stop.is_set():
                try:
                    run(self._emit, self._stop)
                    detail = "its driver ended by itself"
                except Exception as error:
                    detail = f"its driver broke: {type(error).__name__}: {error}"
                    if detail != told:
                        logger.exception("the driver of %s broke", ", ".join(names))
                if self._stop.is_set():
                    return
                if detail != told:
                    told = detail
                    for name in names:
                        self._emit(down(name, detail, self._clock_ns()))
                self._stop.wait(backoff.next_s())

        return threading.Thread(target=keep_running, name=names[0], daemon=True)
