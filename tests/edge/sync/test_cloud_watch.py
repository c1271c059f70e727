"""The loss of the cloud is told once, after a minute, and its end once."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.sync.cloud_watch import LOST_NS, CloudWatch
from portillon_wire.messages import EventKind

S = 1_000_000_000


def told(online: list[bool], *, every_ns: int = S) -> list[tuple[int, EventKind]]:
    """What is told, with the second in which it is, when asked each second."""
    watch = CloudWatch(0)
    looks = [(n, watch.look(online=up, now_ns=(n + 1) * every_ns)) for n, up in enumerate(online)]
    return [(n + 1, kind) for n, kind in looks if kind is not None]


def test_a_line_that_blinks_is_not_told() -> None:
    """59 seconds, back, 59 seconds: nobody hears of it."""
    assert told([False] * 59 + [True] + [False] * 59 + [True]) == []


def test_a_loss_is_told_after_a_minute_and_its_end_at_once() -> None:
    """Also by a gateway that has not heard from its cloud since it started."""
    assert told([False] * 100 + [True] * 3) == [(60, EventKind.CLOUD_LOST), (101, EventKind.CLOUD_RESTORED)]
    assert LOST_NS == 60 * S


@given(st.lists(st.booleans(), max_size=40))
def test_losses_and_returns_alternate(online: list[bool]) -> None:
    """However the line behaves, a loss comes first and no two of a kind follow each other."""
    kinds = [kind for _, kind in told(online, every_ns=20 * S)]
    expected = [EventKind.CLOUD_LOST, EventKind.CLOUD_RESTORED] * len(kinds)
    assert kinds == expected[: len(kinds)]
