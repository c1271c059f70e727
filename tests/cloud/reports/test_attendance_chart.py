"""The chart of attendance by hour."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.reports.attendance_chart import GRID_LINES, HEIGHT, WIDTH, ChartWords, attendance_chart, axis_top

WORDS = ChartWords(title="<Passages> & hours", description='"quoted"', hour_labels=[f"{hour} h" for hour in range(24)])
SVG = "{http://www.w3.org/2000/svg}"


@given(st.integers(0, 10**9))
def test_the_axis_ends_at_a_round_number_above_the_highest_bar(highest):
    """Whole numbers at every grid line, and not much empty space above the bars."""
    top = axis_top(highest)
    assert top >= highest
    assert top % GRID_LINES == 0
    assert top <= max(GRID_LINES, 2.5 * highest)


@given(st.lists(st.integers(0, 10_000), min_size=24, max_size=24), st.none() | st.integers(0, 23))
def test_it_is_well_formed_readable_and_inside_its_frame(by_hour, now_hour):
    """One bar for each hour with passages, inside the drawing; title and description named; nothing the CSP forbids."""
    text = str(attendance_chart(by_hour, words=WORDS, now_hour=now_hour))
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    named = {child.get("id"): child.text for child in root if child.get("id")}
    assert [named[one] for one in root.attrib["aria-labelledby"].split()] == [WORDS.title, WORDS.description]
    bars = root.findall("rect")
    assert len(bars) == sum(count > 0 for count in by_hour)
    for bar in bars:
        x, y, width, height = (float(bar.get(name)) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + width <= WIDTH
        assert y >= 0
        assert y + height <= HEIGHT
    assert "style=" not in text
    assert "<script" not in text


def test_a_bar_is_as_high_as_its_count():
    """Half the passages, half the height."""
    root = ElementTree.fromstring(str(attendance_chart([0] * 6 + [10, 5] + [0] * 16, words=WORDS)))
    whole, half = (float(bar.get("height")) for bar in root.findall("rect"))
    assert abs(whole - 2 * half) < 0.2
