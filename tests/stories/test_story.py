"""The whole story against a real Mosquitto with TLS client certificates and the ACL of each gateway."""

import pytest
from rich.console import Console
from stories.chapters import Size
from stories.story import play


@pytest.mark.story
@pytest.mark.broker
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("whole machine")
def test_the_whole_story_is_so() -> None:
    """Every sentence of the story holds: from the first badge to a lane that nobody leaves open."""
    lines = dict(play("mosquitto", Size(), Console(width=150)))
    assert lines["invoices, gapless, posted, charged"] == "200"
    assert lines["badges without a broker, all in the cloud once"] == "500"
