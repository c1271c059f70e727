"""Bars: inside their frame, standing on nought, named for those who do not see them."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.reports.bar_chart import HEIGHT, WIDTH, ChartTexts, Series, bar_chart

VALUES = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=36)


def draw(*series: list[int]) -> ElementTree.Element:
    texts = ChartTexts(name="chart", title="<Billed> & earned", description='"quoted"', labels=["<m>"] * len(series[0]))
    looks = [Series(look=f"look-{number}", values=values) for number, values in enumerate(series)]
    return ElementTree.fromstring(str(bar_chart(looks, texts=texts, said=lambda value: f"{value} <$>")))


@given(VALUES, st.data())
def test_it_is_well_formed_readable_and_inside_its_frame(first: list[int], data: st.DataObject) -> None:
    """One bar for each value but nought, inside the drawing; title and description named; nothing the CSP forbids."""
    second = data.draw(st.lists(st.integers(0, 10**9), min_size=len(first), max_size=len(first)))
    root = draw(first, second)
    named = {child.get("id"): child.text for child in root if child.get("id")}
    assert [named[one] for one in str(root.get("aria-labelledby")).split()] == ["<Billed> & earned", '"quoted"']
    bars = root.findall("rect")
    assert len(bars) == sum(value != 0 for value in (*first, *second))
    for bar in bars:
        x, y, width, height = (float(str(bar.get(name))) for name in ("x", "y", "width", "height"))
        assert x >= 0 and x + width <= WIDTH + 0.1
        assert y >= 0 and y + height <= HEIGHT
    assert "style" not in ElementTree.tostring(root, encoding="unicode")


def test_what_is_lost_hangs_down_from_nought() -> None:
    """A line marks nought; above it what came, below it what went, and the lines are whole steps apart."""
    root = draw([30, 0], [-20, -5])
    [zero] = [line for line in root.findall("line") if line.get("class") == "chart-zero"]
    came, *went = root.findall("rect")
    assert float(str(came.get("y"))) + float(str(came.get("height"))) == float(str(zero.get("y1")))
    assert [bar.get("y") for bar in went] == [zero.get("y1")] * 2
    said = [str(text.text) for text in root.findall("text") if str(text.text).endswith("<$>")]
    assert "0 <$>" in said and len(said) == 5


def test_years_have_room_for_their_labels() -> None:
    """At most twelve labels below, however many months."""
    assert len([text for text in draw([1] * 36).findall("text") if text.text == "<m>"]) == 12
