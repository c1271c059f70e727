"""What the pages of disputes and of money to pay back say."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.payments.disputes.list import DisputeLine, ToDo
from portillon_cloud.payments.disputes.tables import StepKind
from portillon_cloud.payments.inbox.news import DisputeState
from portillon_cloud.payments.refunding.list import PayoutLine, PayoutToDo
from portillon_cloud.web.wording import N_

STATES: Mapping[DisputeState, tuple[str, str]] = {
    DisputeState.INQUIRY: ("warn", N_("The bank asks")),
    DisputeState.INQUIRY_ANSWERED: ("idle", N_("The bank reads our answer")),
    DisputeState.INQUIRY_CLOSED: ("ok", N_("The bank asked, and no more")),
    DisputeState.OPEN: ("bad", N_("Disputed")),
    DisputeState.ANSWERED: ("idle", N_("The bank reads our answer")),
    DisputeState.WON: ("ok", N_("Won")),
    DisputeState.LOST: ("bad", N_("Lost")),
}

TO_DO: Mapping[ToDo, str] = {
    ToDo.ANSWER: N_(
        "Write to the bank: what was agreed, and when they were here. Without an answer in time the money is gone."
    ),
    ToDo.PAY_BACK_OR_ANSWER: N_(
        "Nothing was taken yet. Pay it back if they are right, or write to the bank: either may prevent a dispute."
    ),
    ToDo.WAIT: N_("Nothing to do: the bank decides, which takes weeks."),
    ToDo.CLEAR: N_(
        "The payment is undone. Nobody on this account is let in or charged until you have looked at it and say so."
    ),
    ToDo.NOTHING: N_("Nothing to do."),
}

STEPS: Mapping[StepKind, str] = {
    StepKind.INQUIRY: N_("The payer’s bank asked about the payment"),
    StepKind.OPEN: N_("The payer’s bank took the money"),
    StepKind.EVIDENCE: N_("An answer was written"),
    StepKind.INQUIRY_ANSWERED: N_("The bank has our answer"),
    StepKind.ANSWERED: N_("The bank has our answer"),
    StepKind.WON: N_("Won: the money is back"),
    StepKind.LOST: N_("Lost: the payment is undone"),
    StepKind.INQUIRY_CLOSED: N_("The bank asked no more"),
    StepKind.CLEARED: N_("The account was cleared"),
}

# The words that card networks share, as Stripe spells them (https://docs.stripe.com/disputes/categories).
REASONS: Mapping[str, str] = {
    "fraudulent": N_("The cardholder says that they did not make this payment."),
    "duplicate": N_("They say that they paid twice."),
    "subscription_canceled": N_("They say that they had cancelled."),
    "product_not_received": N_("They say that they did not get what they paid for."),
    "product_unacceptable": N_("They say that it was not what was agreed."),
    "credit_not_processed": N_("They say that they were promised their money back."),
    "unrecognized": N_("They do not recognise the payment."),
    "insufficient_funds": N_("There was too little in the bank account."),
    "incorrect_account_details": N_("The bank account’s number is wrong."),
    "bank_cannot_process": N_("The bank could not process it."),
    "debit_not_authorized": N_("The account’s holder says that they did not allow the debit."),
    "customer_initiated": N_("The account’s holder took the debit back."),
}

PAYOUTS: Mapping[PayoutToDo, tuple[str, str]] = {
    PayoutToDo.WAIT: ("idle", N_("On its way back as it came")),
    PayoutToDo.PAY: ("warn", N_("To be paid by hand")),
    PayoutToDo.LOOK: ("bad", N_("Look at the provider")),
}


@dataclass(frozen=True, slots=True)
class DisputeWords:
    """In the reader's language."""

    words: Words

    def state(self, line: DisputeLine) -> tuple[str, str]:
        """Where it stands: the mark's kind and its word."""
        kind, text = STATES[line.state]
        return kind, self.words.say(text)

    def reason(self, line: DisputeLine) -> str:
        """Why the bank says so; a reason of its own stays in its own word."""
        return self.words.say(REASONS[line.reason]) if line.reason in REASONS else line.reason.replace("_", " ")

    def to_do(self, line: DisputeLine) -> str:
        """The one thing to do."""
        if line.debit and line.state is DisputeState.LOST:
            return self.words.say(N_("A debit that came back: it is owed again, and collected like every other debt."))
        return self.words.say(TO_DO[line.to_do])

    def step(self, kind: StepKind) -> str:
        """What happened."""
        return self.words.say(STEPS[kind])

    def payout(self, line: PayoutLine) -> tuple[str, str]:
        """What to do about it: the mark's kind and its word."""
        kind, text = PAYOUTS[line.to_do]
        return kind, self.words.say(text)

    def fee(self, line: DisputeLine) -> str | None:
        """What the provider has kept for it; None: nothing."""
        return self.words.money(Money(line.fee_minor, line.currency)) if line.fee_minor else None

    def money(self, line: DisputeLine | PayoutLine) -> str:
        """Its amount."""
        return self.words.money(Money(line.amount_minor, line.currency))
