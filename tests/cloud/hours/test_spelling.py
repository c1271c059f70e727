"""Hours as people write them, read and spelt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.hours.errors import HoursInvalidError
from portillon_cloud.hours.spelling import read_spans, spell_spans

SPANS = st.lists(
    st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda one: (one[0], one[0] + one[1])), max_size=6
).map(lambda spans: tuple(sorted(spans)))


@given(SPANS)
def test_whatever_is_spelt_is_read_back(spans):
    """Every schedule of the wire goes through the form unharmed, also past midnight and around the clock."""
    assert read_spans(spell_spans(spans)) == spans


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", ()),
        ("  ", ()),
        ("9:00-16:00", ((540, 960),)),
        ("9-16", ((540, 960),)),
        ("9h30 à 16h", ((570, 960),)),
        ("18:00 – 22:00 , 9:00 to 16:00", ((540, 960), (1080, 1320))),
        ("6:00-9:00 and 17:00-20:00", ((360, 540), (1020, 1200))),
        ("22:00-2:00", ((1320, 1560),)),
        ("0:00-24:00", ((0, 1440),)),
        ("22:00-22:00", ((1320, 2760),)),
    ],
)
def test_hours_are_read_as_people_write_them(text, spans):
    """Dashes, words, French hours; what ends before it begins ends on the next day."""
    assert read_spans(text) == spans


@pytest.mark.parametrize(
    "text", ["nine to five", "25:00-26:00", "9:60-10:00", "9:00", "24:00-25:00", "-", "9:00-16:00-18:00"]
)
def test_what_is_no_hours_is_refused(text):
    """With how to write them."""
    with pytest.raises(HoursInvalidError):
        read_spans(text)
