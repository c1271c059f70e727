"""The player of door stories notices: every line of every story matters, and a slip of the pen is said at once."""

from pathlib import Path
from typing import Any

import pytest
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalEvent
from pydantic import ValidationError
from stories.door_devices import of_the_story
from stories.door_play import play
from stories.door_stage import VirtualStage
from stories.door_story import Moment, Story, load_story, story_files
from stories.lateness import AT_ONCE, Lateness
from stories.process import StoryError

FILES = pytest.mark.parametrize("file", [pytest.param(path, id=path.stem) for path in story_files()])
A_STORY: dict[str, Any] = {
    "says": "A story that is as short as a story can be.",
    "sentence": "Door: forced",
    "site": "strike-door",
    "people": ["anne"],
    "at": [{"second": 1.0, "do": "on front-contact", "recorded": "door_forced front"}, {"second": 2.0}],
}


def wrong_tellings(story: Story) -> list[Story]:
    """The story with one line left out, or one output the other way round; each is not what happens."""
    tellings = []
    for index, moment in enumerate(story.at):
        lines = moment.recorded
        changed = [{"recorded": (*lines[:n], *lines[n + 1 :])} for n in range(len(lines))]
        changed += [{"released": moment.locked, "locked": moment.released}] if moment.released or moment.locked else []
        for change in changed:
            other = Moment.model_validate({**moment.model_dump(), **change})
            tellings.append(story.model_copy(update={"at": (*story.at[:index], other, *story.at[index + 1 :])}))
    return tellings


@FILES
def test_every_line_of_a_story_matters(file: Path, tmp_path: Path) -> None:
    """A story from which one recorded line is missing, or whose outputs stand otherwise, is found wrong."""
    for telling in wrong_tellings(load_story(file)):
        with pytest.raises(StoryError):
            play(telling, VirtualStage(telling, tmp_path))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"at": [{"second": 1.0, "do": "shout front"}, {"second": 2.0}]}, "there is no verb 'shout'"),
        ({"at": [{"second": 1.0, "do": "badge anne"}, {"second": 2.0}]}, "write badge PERSON READER"),
        ({"at": [{"second": 1.0, "do": "badge ann front-reader"}, {"second": 2.0}]}, "nobody is called 'ann'"),
        ({"at": [{"second": 1.0, "do": "on back-contact"}, {"second": 2.0}]}, "'back-contact' is none of the site's"),
        ({"at": [{"second": 2.0}, {"second": 1.0}]}, "ascending"),
        ({"at": [{"second": 1.0, "released": "back"}, {"second": 2.0}]}, "'back' is none of the site's outputs"),
        ({"changes": {"back": {"pulse_ms": 1}}}, "'back' is none of the site's"),
        ({"sentence": "Door: sings"}, "no such promise"),
    ],
)
def test_a_slip_of_the_pen_is_said(change: dict[str, Any], told: str) -> None:
    """A verb, a name or an order of seconds that cannot be meant is refused, and the message says what there is."""
    Story.model_validate(A_STORY)
    with pytest.raises(ValidationError, match=told):
        Story.model_validate({**A_STORY, **change})


def test_a_few_late_stories_are_excused_and_named() -> None:
    """As many as play at once may need a second try: one stall makes all of them late. One more is too many."""
    late = Lateness(asked=100)
    assert late.in_words() == ""
    for number in range(AT_ONCE):
        late.came_late(f"story-{number}", f"second {number}: recorded was\n  nothing" + "\na log" * 9)
        assert not late.too_many
    late.came_late("story-8", "second 8: recorded was\n  nothing" + "\na log" * 9)
    assert late.too_many
    assert late.in_words().splitlines() == [
        "9 of 100 door stories were not so at the first try:",
        *(f"- story-{number}: second {number}: recorded was nothing{' a log' * 4}" for number in range(9)),
    ]
    alone = Lateness(asked=1, late={"story": "late"})
    assert not alone.too_many


def test_a_board_that_the_machine_left_without_an_answer_is_no_part_of_a_story() -> None:
    """Neither its silence nor that it is back is told; a fault of another kind is, and so is that this one ended."""
    at = EventTime(boot_id="boot", boot_ns=0, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)
    told = [
        ("input_fault", "fire-loop", "fire-loop: DriverFault: board 3 does not answer"),
        ("input_restored", "fire-loop", "fire-loop"),
        ("input_fault", "fire-loop", "fire-loop: cut"),
        ("input_restored", "fire-loop", "fire-loop"),
    ]
    events = [
        JournalEvent(sequence=number, kind=kind, at=at, by=by, detail=detail)
        for number, (kind, by, detail) in enumerate(told, start=1)
    ]
    assert [event.sequence for event in of_the_story(events)] == [3, 4]
