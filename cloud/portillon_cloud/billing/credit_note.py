"""A credit note as a pure function of the invoice, what was credited of it before, and what is taken back now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portillon_cloud.billing.difference import Credit
from portillon_cloud.billing.invoice import days_in_words
from portillon_cloud.billing.tax import Rate, Taxed, tax_credit


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedInvoice:
    """An issued invoice: its rates, and of each line whether it is taxed, what is left of it, and what it sold."""

    invoice_id: int
    account_id: int
    name: str
    language: str
    inclusive: bool
    rates: tuple[Rate, ...]
    taxable: Mapping[int, bool]
    left_minor: Mapping[int, int]
    sold: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditDraft:
    """A whole credit note but for its number; one net amount and description per credit, in their order."""

    invoice: CreditedInvoice
    credits: tuple[Credit, ...]
    descriptions: tuple[str, ...]
    taxed: Taxed


def draft_credit_note(invoice: CreditedInvoice, credits: Sequence[Credit]) -> CreditDraft:
    """Take these parts of its lines back, with the taxes that the invoice has on them."""
    taken_minor = sum(one.amount_minor for one in credits if invoice.taxable[one.line_id])
    had_minor = sum(minor for line_id, minor in invoice.left_minor.items() if invoice.taxable[line_id])
    return CreditDraft(
        invoice=invoice,
        credits=tuple(credits),
        descriptions=tuple(_description(invoice, one) for one in credits),
        taxed=tax_credit(
            tuple(one.amount_minor for one in credits),
            tuple(invoice.taxable[one.line_id] for one in credits),
            left_minor=had_minor - taken_minor,
            inclusive=invoice.inclusive,
            rates=invoice.rates,
        ),
    )


def _description(invoice: CreditedInvoice, credit: Credit) -> str:
    return f"{invoice.sold[credit.line_id]}, {days_in_words(credit.span.start, credit.span.end, invoice.language)}"
