"""Every story of a door, in virtual time and on simulated devices with the real drivers."""

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from stories.door_devices import DeviceStage
from stories.door_play import play
from stories.door_stage import VirtualStage
from stories.door_story import load_story, story_files
from stories.lateness import AT_ONCE, LATE_STORIES, Lateness
from stories.process import StoryError

FILES = pytest.mark.parametrize("file", [pytest.param(path, id=path.stem) for path in story_files()])


@FILES
def test_a_story_is_so_in_virtual_time(file: Path, tmp_path: Path) -> None:
    """What the story says is recorded at the second at which it says so, and nothing else; outputs stand as it says."""
    story = load_story(file)
    play(story, VirtualStage(story, tmp_path))


def _play_on_devices(file: Path) -> None:
    story = load_story(file)
    with tempfile.TemporaryDirectory(prefix="story-") as folder:
        stage = DeviceStage(story, Path(folder))
        try:
            play(story, stage)
        except StoryError as error:
            raise StoryError(f"{error}\n{stage.logs()}") from None
        finally:
            stage.close()


def _play_alone(file: Path) -> None:
    """Beside nothing but the other worker's tests, which may hold the machine up once more."""
    try:
        _play_on_devices(file)
    except StoryError:
        _play_on_devices(file)


def _asked(session: pytest.Session) -> set[Path]:
    on_devices = test_a_story_is_so_on_devices.__name__
    stories = (item for item in session.items if isinstance(item, pytest.Function) and item.originalname == on_devices)
    return {item.callspec.params["file"] for item in stories}


@pytest.fixture(scope="module")
def lateness(request: pytest.FixtureRequest) -> Lateness:
    """Who needed a second try in this run."""
    return Lateness(asked=len(_asked(request.session)))


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> Iterator[Mapping[Path, Future[None]]]:
    """All the stories that were asked for, under way at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {file: pool.submit(_play_on_devices, file) for file in sorted(_asked(request.session))}


@pytest.mark.timeout(400)
@pytest.mark.xdist_group("door stories")
@FILES
def test_a_story_is_so_on_devices(file: Path, played: Mapping[Path, Future[None]], lateness: Lateness) -> None:
    """The same on simulated devices: real guard and gateway processes, real drivers, ptys and pins, real time.

    Real time passes on a busy machine too: a story that came too late among the others is played again, alone.
    """
    wait(played.values())
    lateness.played += 1
    try:
        played[file].result()
    except StoryError as error:
        lateness.came_late(file.stem, str(error))
        _play_alone(file)


@pytest.mark.xdist_group("door stories")
def test_hardly_any_story_came_late(lateness: Lateness, request: pytest.FixtureRequest) -> None:
    """A second try excuses a busy machine and not a race: more than a few are a failure; whoever was late is named."""
    request.node.user_properties.append((LATE_STORIES, lateness.in_words()))
    assert not lateness.too_many, lateness.in_words()
    assert lateness.played == lateness.asked, "several workers play these stories, each all of them: see conftest.py"
