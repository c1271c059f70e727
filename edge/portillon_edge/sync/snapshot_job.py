"""Fetching and building one snapshot at a time, beside everything else."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from portillon_wire.messages import SnapshotOffer

from portillon_edge.errors import EdgeError, TransientEdgeError
from portillon_edge.store.snapshot_build import build_snapshot
from portillon_edge.sync.inputs import SnapshotBuilt, SnapshotFailed
from portillon_edge.sync.snapshot import SnapshotFetcher

log = logging.getLogger(__name__)

STOP_S_MAX = 5.0


class SnapshotJob:
    """A thread per offer; a new one is begun only after the one before has been told to stop."""

    def __init__(
        self,
        fetcher: SnapshotFetcher,
        *,
        secret: bytes,
        free_path: Callable[[int, int], Path],
        done: Callable[[SnapshotBuilt | SnapshotFailed], None],
    ) -> None:
        """`free_path(epoch, revision)` names the file to build; `done` is called on the job's thread."""
        self._fetcher = fetcher
        self._secret = secret
        self._free_path = free_path
        self._done = done
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._built: tuple[SnapshotOffer, Path] | None = None

    def begin(self, offer: SnapshotOffer) -> None:
        """Fetch and build; answered by `done`."""
        self.cancel()
        cancelled = self._cancelled = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(offer, cancelled, self._thread), name="snapshot", daemon=True
        )
        self._thread.start()

    def cancel(self) -> None:
        """Give up what is under way; it answers nothing any more."""
        self._cancelled.set()

    def stop(self) -> None:
        """Give up and wait for the end."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)

    def built(self, offer: SnapshotOffer) -> Path | None:
        """Where the table of this offer lies ready."""
        return self._built[1] if self._built is not None and self._built[0] == offer else None

    def forget(self) -> None:
        """It is in force: the download is not needed any more."""
        self._built = None
        self._fetcher.forget()

    def _run(self, offer: SnapshotOffer, cancelled: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        answer = self._answer(offer, cancelled.is_set)
        if not cancelled.is_set():
            self._done(answer)

    def _answer(self, offer: SnapshotOffer, cancelled: Callable[[], bool]) -> SnapshotBuilt | SnapshotFailed:
        try:
            downloaded = self._fetcher.fetch(offer, cancelled=cancelled)
            target = self._free_path(offer.epoch, offer.revision)
            build_snapshot(downloaded, target, offer=offer, secret=self._secret, cancelled=cancelled)
        except (EdgeError, OSError) as error:
            log.warning("%s", error)
            return SnapshotFailed(offer, str(error), transient=isinstance(error, TransientEdgeError | OSError))
        except Exception as error:
            log.exception("snapshot %d/%d", offer.epoch, offer.revision)
            return SnapshotFailed(offer, f"{type(error).__name__}: {error}", transient=False)
        self._built = (offer, target)
        return SnapshotBuilt(offer)
