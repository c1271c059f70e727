"""Rows as a spreadsheet opens them."""

from dataclasses import dataclass
from datetime import date

from portillon_cloud.reports.csv_sheet import csv_sheet


@dataclass(frozen=True)
class Row:
    month: date
    who: str
    billed_minor: int | None
    churn_ppm: int
    kept: tuple[int, ...]


def test_amounts_shares_and_lists() -> None:
    """Units with a point, percent, one column for each of the longest list; None is empty, quotes are doubled."""
    rows = [
        Row(date(2026, 4, 1), 'Zoë "Z", Roy', -12_05, 333_333, (3, 2)),
        Row(date(2026, 5, 1), "B", None, 50_000, (1,)),
    ]
    assert csv_sheet(rows, Row, "CAD").split("\r\n") == [
        "month,who,billed,churn_percent,kept_0,kept_1,currency",
        '2026-04-01,"Zoë ""Z"", Roy",-12.05,33.3333,3,2,CAD',
        "2026-05-01,B,,5.0000,1,,CAD",
        "",
    ]


def test_each_currency_has_its_own_decimals() -> None:
    """Yen have none, dinars three."""
    rows = [Row(date(2026, 4, 1), "A", 1234, 0, ())]
    assert ",1234," in csv_sheet(rows, Row, "JPY")
    assert ",1.234," in csv_sheet(rows, Row, "KWD")


def test_a_name_is_never_a_formula() -> None:
    """What a spreadsheet would reckon is shown as it was typed."""
    for name in ("=1+1", "+1", "-1", "@SUM(A1)"):
        assert f",'{name}," in csv_sheet([Row(date(2026, 4, 1), name, 1, 0, ())], Row, "CAD")


def test_a_report_without_rows_has_its_head() -> None:
    """Whoever opens it sees what would stand there."""
    assert csv_sheet([], Row, "CAD") == "month,who,billed,churn_percent,kept,currency\r\n"
