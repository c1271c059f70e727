"""What lines of the bank are, in words."""

from collections.abc import Mapping

from portillon_cloud.reconciliation.rule import Rule
from portillon_cloud.web.wording import N_

RULES: Mapping[Rule, str] = {
    Rule.DEBIT: N_("A direct debit of ours"),
    Rule.BATCH: N_("Direct debits of one day, in one sum"),
    Rule.RETURNED: N_("A direct debit that came back"),
    Rule.REFUND: N_("A transfer back to a payer"),
    Rule.REFUND_BACK: N_("A transfer to a payer that came back"),
    Rule.PAYOUT: N_("A payout of the payment provider"),
    Rule.BOOKED: N_("In the book already"),
    Rule.TERMINAL: N_("A day's payments by terminal"),
    Rule.TRANSFER: N_("A member's transfer"),
    Rule.FEE: N_("Fee of the bank"),
    Rule.PROVIDER: N_("From the payment provider"),
    Rule.CASH: N_("Cash paid in at the bank"),
    Rule.CHEQUES: N_("Cheques paid in at the bank"),
    Rule.NOTED: N_("Of no concern to this book"),
}

ENTRIES: Mapping[str, str] = {
    "payment": N_("Payment at the desk"),
    "manual": N_("Entry by hand"),
}
"""Kinds of the ledger's entries that lie at the bank; another is called what it is."""
