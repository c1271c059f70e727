"""Hours of a day as people write them: `9:00-16:00, 22:00-2:00`; what ends before it begins ends next day. Pure."""

import re

from portillon_rules.schedule import MINUTES_PER_DAY, Spans

from portillon_cloud.hours.errors import HoursInvalidError

TEXT_MOST = 200
_TIME = r"(\d{1,2})(?:[:h.](\d{2})|h)?"
_SPAN = re.compile(rf"{_TIME}\s*(?:-|–|—|to|à)\s*{_TIME}")
_BETWEEN = re.compile(r"\s*[,;]\s*|\s+(?:and|et)\s+")


def read_spans(text: str) -> Spans:
    """The spans, in their order of the day; an empty text is a closed day. Raises HoursInvalidError."""
    if len(text) > TEXT_MOST:
        raise HoursInvalidError(f"{text[:20]!r}…: hours of one day are {TEXT_MOST} characters at most")
    spans = []
    for part in _BETWEEN.split(text.strip().lower()):
        if not part:
            continue
        found = _SPAN.fullmatch(re.sub(r"\s+", " ", part))
        if found is None:
            raise HoursInvalidError(f"{part!r} are no hours: write them as 9:00-16:00, 18:00-22:00")
        begin, end = _minute(found[1], found[2]), _minute(found[3], found[4])
        if begin == MINUTES_PER_DAY:
            raise HoursInvalidError(f"{part!r} begins at 24:00: that is 0:00 of the next day")
        spans.append((begin, end if end > begin else end + MINUTES_PER_DAY))
    return tuple(sorted(spans))


def spell_spans(spans: Spans) -> str:
    """As `read_spans` reads them back."""
    return ", ".join(f"{_spell(begin)}-{_spell(end)}" for begin, end in spans)


def _minute(hour: str, minute: str | None) -> int:
    found = int(hour) * 60 + int(minute or 0)
    if found > MINUTES_PER_DAY or int(minute or 0) > 59:
        raise HoursInvalidError(f"{hour}:{minute or '00'} is no time of the day")
    return found


def _spell(minute: int) -> str:
    of_day = minute if minute <= MINUTES_PER_DAY else minute - MINUTES_PER_DAY
    return f"{of_day // 60}:{of_day % 60:02}"
