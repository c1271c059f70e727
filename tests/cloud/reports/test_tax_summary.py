"""Taxes by rate and month: as printed on the documents, credit notes subtracted, tied to the ledger."""

from cloud.gym import Gym
from cloud.reports.small_business import APRIL, MAY, april, balance, book
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.reports.months import months_until
from portillon_cloud.reports.tax_summary import tax_summary


def test_each_rate_of_each_month(gym: Gym) -> None:
    """Two invoices of 100.00 and a credit note of 50.00: 5 % and 9.975 % of 150.00, with the documents' rounding."""
    april(gym)
    with gym.db.read() as conn:
        rows = tax_summary(conn, book(gym), months_until(MAY, 3))
    assert [(row.month, row.tax, row.rate_ppm, row.base_minor, row.amount_minor) for row in rows] == [
        (APRIL, "TPS", 50_000, 150_00, 5_00 + 5_00 - 2_50),
        (APRIL, "TVQ", 99_750, 150_00, 9_98 + 9_98 - 4_99),
    ]


def test_the_sums_are_those_of_the_ledger(gym: Gym) -> None:
    """What a tax comes to over all months is what its account owes."""
    april(gym)
    with gym.db.read() as conn:
        rows = tax_summary(conn, book(gym), months_until(MAY, 12))
    for tax, code in (("TPS", LedgerCode.TAX_TPS), ("TVQ", LedgerCode.TAX_TVQ)):
        assert sum(row.amount_minor for row in rows if row.tax == tax) == -balance(gym, code) > 0
