import pytest
from portillon_wire import topics
from portillon_wire.errors import MessageError


@pytest.mark.parametrize("name", list(topics.Up))
def test_up_topics_read_back(name: topics.Up) -> None:
    """A topic names its gateway and its content, both ways."""
    assert topics.parse(topics.up("gw-1", name)) == topics.Address("gw-1", name)


@pytest.mark.parametrize("name", list(topics.Down))
def test_down_topics_read_back(name: topics.Down) -> None:
    """A topic names its gateway and its content, both ways."""
    assert topics.parse(topics.down("gw-1", name)) == topics.Address("gw-1", name)


@pytest.mark.parametrize(
    "topic",
    ["", "portillon", "portillon/v2/gw-1/up/sync", "portillon/v1//up/sync", "portillon/v1/gw/up/feed",
     "portillon/v1/gw/down/journal", "portillon/v1/gw/up/sync/more", "x/v1/gw/up/sync"],
)  # fmt: skip
def test_foreign_topics_are_refused(topic: str) -> None:
    """Nothing outside the protocol is taken for part of it."""
    with pytest.raises(MessageError):
        topics.parse(topic)
