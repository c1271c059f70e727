"""By which rule a line was found to be something, and what that moves in the ledger. Pure.

A line that is money on its way until now moves it to the bank; one that tells of what the ledger has at the bank
already, or that a person only notes, moves nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from portillon_cloud.ledger import LedgerCode


class Rule(StrEnum):
    """What a line is."""

    DEBIT = "debit"  # one of ours, by its key
    BATCH = "batch"  # all of a file's debits of one day, in one sum
    RETURNED = "returned"  # a debit that came back
    REFUND = "refund"  # a transfer back to a payer, by its key
    REFUND_BACK = "refund_back"  # one that the payer's bank did not take
    PAYOUT = "payout"  # a provider's, by its amount and day
    BOOKED = "booked"  # what the ledger has at the bank already: a transfer or terminal at the desk, a deposit
    TERMINAL = "terminal"  # a day's payments by terminal, in one sum
    TRANSFER = "transfer"  # a member's, by the number of an invoice; a person confirmed it
    FEE = "fee"  # the bank's
    PROVIDER = "provider"  # from a provider that tells no payouts; a person said so
    CASH = "cash"  # paid in; a person said so
    CHEQUES = "cheques"
    NOTED = "noted"  # of no concern to this book; a person said why


FROM: Mapping[Rule, LedgerCode] = MappingProxyType(
    {
        Rule.DEBIT: LedgerCode.PROVIDER_CLEARING,
        Rule.BATCH: LedgerCode.PROVIDER_CLEARING,
        Rule.RETURNED: LedgerCode.PROVIDER_CLEARING,
        Rule.REFUND: LedgerCode.PROVIDER_CLEARING,
        Rule.REFUND_BACK: LedgerCode.PROVIDER_CLEARING,
        Rule.PAYOUT: LedgerCode.PROVIDER_CLEARING,
        Rule.PROVIDER: LedgerCode.PROVIDER_CLEARING,
        Rule.FEE: LedgerCode.PROVIDER_FEES,
        Rule.CASH: LedgerCode.CASH,
        Rule.CHEQUES: LedgerCode.CHEQUES,
    }
)
"""Where the money comes from (or, of an amount < 0, goes to); the other side is the bank. Not here: nothing moves."""

SAID_BY_THE_BANK = frozenset({Rule.DEBIT, Rule.BATCH, Rule.RETURNED, Rule.REFUND, Rule.REFUND_BACK})
"""By our own reference in the bank's own file: nothing that a person takes back."""

SAID_BY_PEOPLE = frozenset({Rule.FEE, Rule.PROVIDER, Rule.CASH, Rule.CHEQUES, Rule.NOTED})
"""What a person may say of what is left of a line, with a reason."""
