"""Where a pattern is, so long after it began, and when that changes next: for devices that keep no rhythm. Pure."""

from dataclasses import dataclass

from portillon_drivers.indicators.pattern import Beeps, Page, Pattern, Rhythm

PAGE_MS = 2_000
"""How long each language is shown: time to read two lines of 16."""


@dataclass(frozen=True, slots=True)
class Phase:
    """`change_in_ms` None: it stays so."""

    lit: bool
    sounding: bool
    page: Page
    change_in_ms: int | None


def phase_at(pattern: Pattern, elapsed_ms: int) -> Phase:
    """The pattern's light, sound and page at that moment."""
    lit, light_changes = _light(pattern.rhythm, elapsed_ms)
    sounding, sound_changes = _sound(pattern.beeps, elapsed_ms)
    page, page_changes = page_at(pattern, elapsed_ms)
    changes = [ms for ms in (light_changes, sound_changes, page_changes) if ms is not None]
    return Phase(lit, sounding, page, min(changes, default=None))


def page_at(pattern: Pattern, elapsed_ms: int) -> tuple[Page, int | None]:
    """The page that is shown then, and in how many ms the next one is."""
    if len(pattern.pages) < 2:
        return (*pattern.pages, Page(()))[0], None
    turn = elapsed_ms // PAGE_MS
    return pattern.pages[turn % len(pattern.pages)], PAGE_MS - elapsed_ms % PAGE_MS


def _light(rhythm: Rhythm, elapsed_ms: int) -> tuple[bool, int | None]:
    if rhythm.off_ms == 0:
        return True, None
    since_ms = elapsed_ms % rhythm.period_ms
    if since_ms < rhythm.on_ms:
        return True, rhythm.on_ms - since_ms
    return False, rhythm.period_ms - since_ms


def _sound(beeps: Beeps | None, elapsed_ms: int) -> tuple[bool, int | None]:
    if beeps is None:
        return False, None
    each_ms = beeps.on_ms + beeps.off_ms
    since_ms = elapsed_ms % each_ms
    last_is_over = bool(beeps.times) and elapsed_ms >= beeps.times * each_ms - beeps.off_ms
    if last_is_over:
        return False, None
    if since_ms < beeps.on_ms:
        return True, beeps.on_ms - since_ms
    return False, each_ms - since_ms
