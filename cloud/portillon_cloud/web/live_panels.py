"""The live page's panels as HTML, shared by everybody who may see the same: made anew only when something has changed.

Each reader asks once per second. The first one in that second reads the change mark (a few index look-ups); only if the
mark moved, or after REDRAW_MS for what time alone changes, are the rows read and the panels drawn.
"""

import hashlib
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

CHECK_EVERY_MS = 900
REDRAW_MS = 15_000
READERS_MAX = 512  # sorts of reader (site, role, language) kept


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel's HTML and a short name for exactly this HTML."""

    html: str
    version: str


@dataclass(slots=True)
class _Drawn:
    lock: threading.Lock = field(default_factory=threading.Lock)
    mark: Hashable = None
    checked_ms: int | None = None
    drawn_ms: int = 0
    panels: dict[str, Panel] = field(default_factory=dict)


class LivePanels:
    """A bounded cache; `draw` and `mark` do the reading."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: dict[Hashable, _Drawn] = {}

    def current(
        self,
        reader: Hashable,
        *,
        now_ms: int,
        mark: Callable[[], Hashable],
        draw: Callable[[], Mapping[str, str]],
    ) -> Mapping[str, Panel]:
        """The panels for this sort of reader, at most CHECK_EVERY_MS old. `now_ms`: a clock that only runs forward."""
        drawn = self._of(reader)
        with drawn.lock:
            if drawn.checked_ms is not None and 0 <= now_ms - drawn.checked_ms < CHECK_EVERY_MS:
                return drawn.panels
            seen = mark()  # before drawing: what changes in between moves the mark again
            if seen != drawn.mark or not 0 <= now_ms - drawn.drawn_ms < REDRAW_MS or not drawn.panels:
                drawn.panels = {name: Panel(html, _version(html)) for name, html in draw().items()}
                drawn.mark, drawn.drawn_ms = seen, now_ms
            drawn.checked_ms = now_ms
            return drawn.panels

    def _of(self, reader: Hashable) -> _Drawn:
        with self._lock:
            drawn = self._drawn.pop(reader, None) or _Drawn()
            self._drawn[reader] = drawn  # the latest asked for comes last
            while len(self._drawn) > READERS_MAX:
                del self._drawn[next(iter(self._drawn))]
            return drawn


def _version(html: str) -> str:
    return hashlib.sha256(html.encode()).hexdigest()[:16]
