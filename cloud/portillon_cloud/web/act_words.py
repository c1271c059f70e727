"""Who did what to contracts and money, in words: the log of `accounting.acts` for somebody who reads it."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from portillon_cloud.accounting.acts import Act
from portillon_cloud.ledger.tables import ManualKind
from portillon_cloud.locale.words import Words
from portillon_cloud.payments.questions.tables import BY_LINK
from portillon_cloud.payments.tables import Means
from portillon_cloud.web.wording import MEANS, N_

ENTRIES: Mapping[ManualKind, str] = {
    ManualKind.DEPOSIT_IN_CASH: N_("Deposit taken in cash"),
    ManualKind.DEPOSIT_AT_BANK: N_("Deposit taken by card or transfer"),
    ManualKind.DEPOSIT_BACK_IN_CASH: N_("Deposit given back in cash"),
    ManualKind.DEPOSIT_BACK_BY_BANK: N_("Deposit given back by transfer"),
    ManualKind.CASH_TO_BANK: N_("Cash brought to the bank"),
    ManualKind.CHEQUES_TO_BANK: N_("Cheques paid in at the bank"),
    ManualKind.PROVIDER_PAID_OUT: N_("Payment provider paid out to the bank"),
    ManualKind.PROVIDER_FEE: N_("Fee of the payment provider"),
}

ACTS: Mapping[str, str] = {
    "started": N_("Contract signed"),
    "tariff_changed": N_("Price or plan changed"),
    "frozen": N_("Membership frozen"),
    "resumed": N_("Freeze ended"),
    "discounted": N_("Discount given"),
    "shared": N_("Somebody else pays a part"),
    "ended": N_("End of a membership set"),
    "withdrawn": N_("A change of a membership taken back"),
    "unparked": N_("A doubt settled"),
    "book_closed_through": N_("Months closed or opened again"),
    "written_off": N_("Invoice written off"),
    "credit_paid_back": N_("Credit paid back"),
    "payment_taken": N_("Payment taken"),
    "grace_given": N_("Grace given"),
    "plan_agreed": N_("Payment in instalments agreed"),
    "promise_taken": N_("Promise to pay taken"),
    "cheque_bounced": N_("Cheque bounced"),
    "paid_out": N_("Paid back by hand"),
    "bank_line_opened": N_("Explanation of a bank line taken back"),
    "dispute_answered": N_("Answer to a bank written"),
    "dispute_cleared": N_("Account cleared after a lost dispute"),
    "question_noted": N_("Question about an invoice written down"),
    "question_answered": N_("Question about an invoice answered"),
    "account_entered": N_("Account at the payment service entered, key …%(detail)s"),
    "account_new_keys": N_("New keys of the payment service, key …%(detail)s"),
    "account_ended": N_("Account at the payment service ended, key …%(detail)s"),
    "endpoint_added": N_("Webhook added: %(detail)s"),
    "endpoint_changed": N_("Webhook changed: %(detail)s"),
    "endpoint_paused": N_("Webhook paused: %(detail)s"),
    "endpoint_turned_on": N_("Webhook turned on: %(detail)s"),
    "endpoint_new_secret": N_("New secret for a webhook: %(detail)s"),
    "endpoint_sent_again": N_("Webhook sent again: %(detail)s"),
    "endpoint_removed": N_("Webhook removed: %(detail)s"),
    **{kind.value: text for kind, text in ENTRIES.items()},
}

OF_ACCOUNTS = frozenset({"credit_paid_back", "grace_given", "plan_agreed", "cheque_bounced", "paid_out"})
"""Acts whose detail is the account."""

_PAGES = ("endpoint_", "account_")

# What follows from something else has that as its author.
AUTHORS: Mapping[str, str] = {
    "contract": N_("by its contract"),
    "membership": N_("with its membership"),
    "referral": N_("for bringing somebody"),
    "transfer": N_("by the transfer"),
    BY_LINK: N_("by the payer, with their link"),
}


@dataclass(frozen=True, slots=True)
class ActWords:
    """In the reader's language."""

    words: Words

    def what(self, act: Act) -> str:
        """The act, and of which day or by which means."""
        text = self.words.say(ACTS[act.what], detail=act.detail or "")
        detail = self._detail(act)
        return text if detail is None else f"{text} · {detail}"

    def who(self, act: Act) -> str:
        """The person, or what it follows from."""
        return self.words.say(AUTHORS[act.by]) if act.by in AUTHORS else act.by

    def href(self, act: Act) -> str | None:
        """The page of what it was done to, where it names one."""
        if act.detail is None:
            return None
        if act.what.startswith(_PAGES):
            return "/webhooks" if act.what.startswith("endpoint_") else "/payment-service"
        if act.what in ("written_off", "question_noted"):
            return f"/invoices/{act.detail}"
        return f"/accounts/{act.detail}" if act.what in OF_ACCOUNTS else None

    def _detail(self, act: Act) -> str | None:
        if act.what == "payment_taken" and act.detail in set(Means):
            return self.words.say(MEANS[Means(act.detail)])
        try:
            return self.words.day(datetime.date.fromisoformat(act.detail or ""))
        except ValueError:
            return None  # an id: the link says it
