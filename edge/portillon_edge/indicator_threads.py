"""A thread for each indicator, so that no lamp, bus or display ever holds up a door.

Whoever shows something leaves it and goes: what stands, and one answer, the newest of each. Nothing queues up behind a
slow display. An indicator that fails is told as down and tried again; the doors go on without it.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import DriverError
from portillon_drivers.options import IndicatorOptions
from portillon_drivers.ports import Indicator

from portillon_edge.doors.scene import NS_PER_MS, Scene, Scened
from portillon_edge.doors.showing import Outcome, Shown, pattern_of
from portillon_edge.words import LOCALES, Language, Words

logger = logging.getLogger(__name__)

JOIN_SECONDS_MAX = 3.0
PATTERNS_MAX = 1_024
"""More than every outcome with every reason and both languages: each is put together once."""
Note = Callable[[str, Literal["up", "down"], str], None]
"""A device's name, how it is now, and what is wrong with it."""

_pattern = lru_cache(PATTERNS_MAX)(pattern_of)


class IndicatorThreads:
    """All indicators of a gateway. `show` from one thread, the door loop's."""

    def __init__(
        self,
        indicators: Iterable[Indicator],
        sections: Sequence[IndicatorOptions],
        *,
        language: Language,
        note: Note,
        clock_ns: Callable[[], int],
    ) -> None:
        """`language`: of indicators whose section names none. Until told otherwise every door stands READY."""
        by_name = {indicator.name: indicator for indicator in indicators}
        self._spoken: Mapping[str, Words] = {each: Words(each) for each in LOCALES}
        self._standing: dict[str, Outcome] = {}
        self._screens = [
            _Screen(
                by_name[section.name],
                section,
                speaking=tuple(self._spoken[each] for each in section.languages or (language,)),
                note=note,
                clock_ns=clock_ns,
            )
            for section in sections
        ]

    def start(self) -> None:
        """Begin to show."""
        for screen in self._screens:
            screen.thread.start()

    def show(self, door: str, shown: Shown) -> None:
        """Leave it to that door's indicators, of an answer to those of that reader; never waits for a device."""
        if not shown.outcome.moment:
            self._standing[door] = shown.outcome
        during = self._standing.get(door, Outcome.READY)
        theirs = self._spoken.get(shown.language) if shown.language else None
        for screen in self._screens:
            if screen.is_for(door, shown):
                screen.leave(shown, during, theirs)

    def stop(self) -> list[str]:
        """Dark and silent; names the ones that did not end in time."""
        for screen in self._screens:
            screen.end()
        for screen in self._screens:
            if screen.thread.is_alive():
                screen.thread.join(JOIN_SECONDS_MAX)
        return [screen.thread.name for screen in self._screens if screen.thread.is_alive()]


class _Screen:
    """One indicator and what was left for it."""

    def __init__(
        self,
        indicator: Indicator,
        section: IndicatorOptions,
        *,
        speaking: tuple[Words, ...],
        note: Note,
        clock_ns: Callable[[], int],
    ) -> None:
        self._indicator = indicator
        self._section = section
        self._speaking = speaking
        self._note = note
        self._clock_ns = clock_ns
        self._news = threading.Condition()
        self._changed = False
        self._ending = False
        ready = _pattern(Shown(outcome=Outcome.READY), during=Outcome.READY, speaking=speaking)
        if ready is None:
            raise TypeError("a standing outcome always has a pattern")
        self._scene = Scene(ready, clock_ns())
        self._told: str | None = None
        self.thread = threading.Thread(target=self._run, name=section.name, daemon=True)

    def is_for(self, door: str, shown: Shown) -> bool:
        """How the door stands is for all its indicators, an answer for those that answer that reader."""
        if door != self._section.door:
            return False
        answers = self._section.answers
        return not shown.outcome.moment or shown.reader is None or answers is None or shown.reader in answers

    def leave(self, shown: Shown, during: Outcome, theirs: Words | None) -> None:
        """Replaces what was left before and not seen yet; `theirs`: the words of whoever stands there, if known."""
        pattern = _pattern(
            replace(shown, reader=None),
            during=during,
            speaking=self._speaking if theirs is None else (theirs,),
            greeting=self._section.greeting,
        )
        with self._news:
            now_ns = self._clock_ns()
            if shown.outcome.moment:
                self._scene.answer(pattern, now_ns)
            elif pattern is not None:
                self._scene.stand(pattern, now_ns, at_once=shown.outcome is Outcome.LOCKDOWN)
            self._changed = True
            self._news.notify()

    def end(self) -> None:
        """Let the thread return."""
        with self._news:
            self._ending = True
            self._news.notify()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._ending:
            try:
                self._indicator.open()
                self._perform(backoff)
            except DriverError as error:
                self._tell_down(str(error))
            except Exception as error:
                detail = f"its driver broke: {type(error).__name__}: {error}"
                if detail != self._told:
                    logger.exception("the driver of %s broke", self._section.name)
                self._tell_down(detail)
            self._indicator.close()
            with self._news:
                self._news.wait_for(lambda: self._ending, backoff.next_s())

    def _perform(self, backoff: Backoff) -> None:
        shown: Scened | None = None
        while not self._ending:
            scened, now_ns = self._look()
            if scened != shown:
                again_ms = self._indicator.show(scened.pattern)
                shown = scened
            else:
                again_ms = self._indicator.play((now_ns - scened.began_ns) // NS_PER_MS)
            if self._told != "":
                self._told = ""
                self._note(self._section.name, "up", "")
            backoff.reset()
            due_ns = scened.until_ns
            if again_ms is not None:
                due_ns = min(due_ns, now_ns + again_ms * NS_PER_MS)
            self._wait(due_ns)

    def _look(self) -> tuple[Scened, int]:
        with self._news:
            self._changed = False
            now_ns = self._clock_ns()
            return self._scene.at(now_ns), now_ns

    def _wait(self, due_ns: int) -> None:
        with self._news:
            seconds = max(0.0, (due_ns - self._clock_ns()) / 1e9)
            self._news.wait_for(lambda: self._changed or self._ending, seconds)

    def _tell_down(self, detail: str) -> None:
        if detail != self._told:
            self._told = detail
            self._note(self._section.name, "down", detail)
