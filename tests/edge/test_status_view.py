"""What `portillon-edge status` says of the site's other gateways."""

from io import StringIO

import pytest
from edge.health.report_sample import report
from portillon_edge.health.report import LastEvent
from portillon_edge.status_view import doors_screen, status_screen
from portillon_edge.words import Words
from rich.console import Console

NOW_NS = 10_000_000_000


@pytest.mark.parametrize(
    ("until_ns", "says"),
    [(None, None), (NOW_NS, "others heard"), (NOW_NS - 1, "others not heard"), (-1, "others not heard")],
)
def test_it_says_whether_the_others_are_heard(until_ns: int | None, says: str | None) -> None:
    """And nothing of them at a site that has none."""
    screen = StringIO()
    Console(width=200, file=screen).print(status_screen(report(presence_until_ns=until_ns), Words("en"), NOW_NS))
    shown = " ".join(screen.getvalue().split())
    assert says is None or says in shown
    assert ("others" in shown) is (says is not None)


def test_it_says_who_took_note_of_an_alarm() -> None:
    """Whoever stands before the doors sees whose order or word it was, beside what they wrote."""
    noted = LastEvent(
        kind="alarm_acknowledged",
        boot_ns=NOW_NS,
        business_ms=None,
        door="pool",
        member=None,
        reason="held",
        flags=(),
        detail="the wedge is gone",
        by="local:anne",
    )
    screen = StringIO()
    Console(width=200, file=screen).print(doors_screen(report(last_events=(noted,)), NOW_NS))
    assert "held, the wedge is gone, local:anne" in screen.getvalue()


def test_a_report_of_before_tells_nobody() -> None:
    """What an earlier version wrote has no such field, and is read all the same."""
    row = {"kind": "granted", "boot_ns": 1, "business_ms": None, "door": "a", "member": "m", "reason": None}
    event = LastEvent.model_validate({**row, "flags": ["grace"], "detail": None})
    assert event.why == "grace"
