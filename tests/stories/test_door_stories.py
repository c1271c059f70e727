"""Every story of a door, in virtual time and on simulated devices with the real drivers."""

from pathlib import Path

import pytest
from stories.door_play import play
from stories.door_stage import VirtualStage
from stories.door_story import load_story, story_files

FILES = pytest.mark.parametrize("file", [pytest.param(path, id=path.stem) for path in story_files()])


@FILES
def test_a_story_is_so_in_virtual_time(file: Path, tmp_path: Path) -> None:
    """What the story says is recorded at the second at which it says so, and nothing else; outputs stand as it says."""
    story = load_story(file)
    play(story, VirtualStage(story, tmp_path))
