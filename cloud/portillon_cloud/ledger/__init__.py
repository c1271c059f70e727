"""Double entry: zero-sum by construction, one row per posting, nothing ever changed."""

from portillon_cloud.ledger.books import LedgerCode, open_books
from portillon_cloud.ledger.operations import Balance, Entry, Posting, post, post_many, trial_balance

__all__ = ["Balance", "Entry", "LedgerCode", "Posting", "open_books", "post", "post_many", "trial_balance"]
