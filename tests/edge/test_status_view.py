"""What `portillon-edge status` says of the site's other gateways."""

from io import StringIO

import pytest
from edge.health.report_sample import report
from portillon_edge.status_view import status_screen
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
