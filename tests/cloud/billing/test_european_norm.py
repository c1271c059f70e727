"""Documents against the sums of EN 16931, exactly: its official check lets a tax be wrong by nearly 1.00 (case 44)."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.invoice import Buyer, Charge, Draft, draft_invoice
from portillon_cloud.billing.tax import Rate, rates_on
from portillon_cloud.money import PPM, divide_half_away, share_ppm

TODAY = date(2026, 1, 31)
FRANCE, QUEBEC = rates_on("fr", TODAY), rates_on("ca-qc", TODAY)
ANNE = Buyer(account_id=1, name="Anne Roy", email=None, language="fr")


def charge(number: int, price_minor: int, *, discount: bool = False, taxable: bool = True) -> Charge:
    return Charge(
        subscription_id=number,
        component="discount" if discount else "recurring",
        price_id=1,
        plan_name="Tout accès",
        member_name="Anne Roy",
        cycle=Period(TODAY, date(2026, 2, 28)),
        unit_minor=abs(price_minor),
        priced_minor=price_minor,
        taxable=taxable,
    )


def draft(charges: list[Charge], *, rates: tuple[Rate, ...] = FRANCE, inclusive: bool = False) -> Draft:
    return draft_invoice(ANNE, charges, issued_on=TODAY, payment_days=0, inclusive=inclusive, rates=rates)


def broken_rules(document: Draft, *, paid_minor: int = 0, due_minor: int | None = None) -> list[str]:
    """Which of the norm's rules on sums do not hold, to the minor unit."""
    lines_minor = sum(line.net_minor for line in document.lines)
    taxes_minor = sum(line.amount_minor for line in document.taxes)
    due_minor = document.total_minor - paid_minor if due_minor is None else due_minor
    holds = {
        "BR-CO-10": lines_minor == document.net_minor,  # sum of lines; ours have no allowances beside them
        "BR-CO-13": document.net_minor == lines_minor,
        "BR-CO-14": taxes_minor == document.tax_minor,
        "BR-CO-15": document.total_minor == document.net_minor + document.tax_minor,
        "BR-CO-16": due_minor == document.total_minor - paid_minor,
        "BR-CO-17": not document.taxes or _taxes_are_exact(document),
        "BR-CO-18": bool(document.taxes) or not any(line.charge.taxable for line in document.lines),
        "BR-27": all(line.charge.unit_minor >= 0 for line in document.lines),  # what is less is a line taken off
    }
    return [rule for rule, held in holds.items() if not held]


def _taxes_are_exact(document: Draft) -> bool:
    """Tax = base times rate, half away from zero; with the tax inside, what is left of the fixed gross."""
    base_minor = document.taxes[0].base_minor
    if any(line.base_minor != base_minor for line in document.taxes):
        return False
    if not document.inclusive:
        return all(line.amount_minor == share_ppm(base_minor, line.rate.rate_ppm) for line in document.taxes)
    gross_minor = base_minor + sum(line.amount_minor for line in document.taxes)
    whole_ppm = PPM + sum(line.rate.rate_ppm for line in document.taxes)
    return base_minor == divide_half_away(gross_minor * PPM, whole_ppm)


prices = st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), min_size=1, max_size=8)


@given(prices, st.booleans(), st.booleans(), st.integers(0, 10**6))
def test_every_document_keeps_the_norms_sums(
    lines: list[tuple[int, bool]], french: bool, discounted: bool, paid_minor: int
) -> None:
    """BR-CO-10, 13 to 18 and BR-27, whatever is sold, taxed or given a discount, and whatever was paid before."""
    charges = [charge(number, price, taxable=taxed) for number, (price, taxed) in enumerate(lines)]
    if discounted:
        price, taxed = lines[0]
        charges.append(charge(99, -(price // 3), discount=True, taxable=taxed))
    document = draft(charges, rates=FRANCE if french else QUEBEC, inclusive=french)
    assert broken_rules(document, paid_minor=paid_minor) == []


def test_the_norms_own_example() -> None:
    """Its second example's tax: 1460.50 at 25 % is 365.13; the half rounded to even would give 365.12."""
    rates = tuple(replace(rate, rate_ppm=250_000) for rate in FRANCE)
    document = draft([charge(1, 1400_50), charge(2, 60_00)], rates=rates)
    assert (document.net_minor, document.tax_minor, document.total_minor) == (1460_50, 365_13, 1825_63)
    assert broken_rules(document, paid_minor=1000_00, due_minor=825_63) == []


@pytest.mark.parametrize(
    ("what", "rules"),
    [
        ({"tax_minor": 292_11, "total_minor": 1752_61}, ["BR-CO-14"]),
        ({"total_minor": 1752_59}, ["BR-CO-15"]),
        ({"net_minor": 1460_49, "total_minor": 1752_59}, ["BR-CO-10", "BR-CO-13"]),
        ({"taxes": ()}, ["BR-CO-14", "BR-CO-18"]),
    ],
)
def test_one_cent_is_seen(what: dict[str, object], rules: list[str]) -> None:
    """Ablation: a document that is off by a cent, which the official check would let pass, breaks its rule here."""
    whole = draft([charge(1, 1460_50)])
    assert broken_rules(replace(whole, **what)) == rules  # type: ignore[arg-type]
    (tva,) = whole.taxes
    cent_more = replace(tva, amount_minor=tva.amount_minor + 1)
    assert "BR-CO-17" in broken_rules(replace(whole, taxes=(cent_more,)))
    assert broken_rules(whole, paid_minor=1000_00, due_minor=752_61) == ["BR-CO-16"]
