"""Writes docs/door-stories.md: what is promised of doors, and the stories that show it.

PYTHONPATH=tests python -m stories.door_story_list
"""

from pathlib import Path

from stories.door_promises import PROMISES
from stories.door_story import load_story, story_files

PAGE = Path(__file__).parents[2] / "docs" / "door-stories.md"
HEAD = """\
# What happens at a door, as stories

Each line below is a file in `tests/stories/`: what is done at which second, what must be recorded, and how the outputs
must stand. A technician can read and write them; the words are explained at the head of
[`door_story.py`](../tests/stories/door_story.py), the sites are in the gateway's own configuration language.

Every story is played twice: in virtual time with the true machines, attendant and guard core, and in real time with
guard and gateway as processes and the true drivers, on simulated devices behind ptys and pins. A test leaves out each
recorded line in turn and turns each output round, and expects the story to fail. Real time passes on a busy machine
too: a story that came late is played again, alone, twice at most. More than play at once is a failure; each is named.

    pytest tests/stories/test_door_stories.py                 # all of them
    pytest tests/stories/test_door_stories.py -k relock       # one, by its file's name

This page is written by `PYTHONPATH=tests python -m stories.door_story_list`; a test holds it to the files.
"""


def page() -> str:
    """The whole page."""
    stories = [(path.stem, load_story(path)) for path in story_files()]
    parts = [HEAD]
    for promise in PROMISES:
        parts.append(f"\n## {promise}\n\n")
        parts += [
            f"- [{name}](../tests/stories/{name}.toml): {story.says}\n"
            for name, story in stories
            if story.sentence == promise
        ]
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
