"""The stories cover what is promised of doors, and the page that lists them is true."""

from stories.door_promises import PROMISES
from stories.door_story import load_story, story_files
from stories.door_story_list import PAGE, page


def test_every_promise_has_its_story() -> None:
    """Each sentence that is promised of doors has at least one story, and there are forty at least."""
    told = [load_story(path).sentence for path in story_files()]
    assert set(told) == set(PROMISES)
    assert len(told) >= 40


def test_the_page_lists_the_stories_as_they_are() -> None:
    """docs/door-stories.md says what the files say; if not, run `python -m stories.door_story_list`."""
    assert PAGE.read_text(encoding="utf-8") == page()
