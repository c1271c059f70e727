"""What an account's page says of doubts, letters, settlements and the lines of a statement."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_cloud.accounting.statement import Happening, StatementLine
from portillon_cloud.billing.parking import DoubtCode
from portillon_cloud.locale.words import Words
from portillon_cloud.messages.tables import MessageState
from portillon_cloud.payments.inbox.news import DisputeState
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.tables import Means
from portillon_cloud.reports.payer_costs import Cost
from portillon_cloud.reports.payer_documents import Settled, Settling
from portillon_cloud.web.dispute_words import STATES as DISPUTES
from portillon_cloud.web.wording import MEANS, N_

DOUBTS: Mapping[DoubtCode, str] = {
    DoubtCode.EVENTS_MAKE_NO_LIFE: N_(
        "What was recorded of this subscription contradicts itself, so nobody can say what it costs. Look at what"
        " befell it, and put that right first."
    ),
    DoubtCode.TOO_MANY_LINES: N_(
        "One run would have written more lines for this subscription than any life of one explains. Look at what was"
        " changed or imported lately."
    ),
    DoubtCode.TOO_FAR_BEHIND: N_(
        "So many periods of this subscription were never billed that somebody should look before it is done at once."
    ),
}

LETTERS: Mapping[MessageState, tuple[str, str]] = {
    MessageState.WAITING: ("idle", N_("To be sent")),
    MessageState.SENDING: ("idle", N_("Being sent")),
    MessageState.SENT: ("ok", N_("Sent")),
    MessageState.REFUSED: ("bad", N_("Could not be sent")),
    MessageState.NO_ADDRESS: ("warn", N_("No e-mail address")),
}

HAPPENINGS: Mapping[Happening, str] = {
    Happening.INVOICE: N_("Invoice"),
    Happening.CREDIT_NOTE: N_("Credit note"),
    Happening.PAYMENT: N_("Payment"),
    Happening.PAYMENT_RETURN: N_("Payment taken back"),
    Happening.WRITE_OFF: N_("Written off"),
    Happening.PAYOUT: N_("Credit paid back"),
}

RETURNS: Mapping[ReturnKind, str] = {
    ReturnKind.RETURNED: N_("Sent back by the bank"),
    ReturnKind.DISPUTED: N_("Taken back after a dispute"),
    ReturnKind.BOUNCED: N_("Cheque not honoured"),
    ReturnKind.MISTAKEN: N_("Transfer of somebody else"),
}


@dataclass(frozen=True, slots=True)
class PayerWords:
    """In the reader's language."""

    words: Words

    def doubt(self, code: DoubtCode) -> str:
        """Why the engine stopped, and where to look."""
        return self.words.say(DOUBTS[code])

    def letter(self, state: MessageState) -> tuple[str, str]:
        """Kind of mark and word for where a letter is."""
        kind, text = LETTERS[state]
        return kind, self.words.say(text)

    def dispute(self, state: DisputeState) -> tuple[str, str]:
        """Kind of mark and word for where a dispute stands."""
        kind, text = DISPUTES[state]
        return kind, self.words.say(text)

    def settled(self, one: Settled) -> str:
        """By what a part of an invoice was settled, or owed again."""
        match one.what:
            case Settling.PAYMENT if one.means is not None:
                return self.words.say(MEANS[one.means])
            case Settling.TAKEN_BACK if one.kind is not None:
                return f"{self.words.say(RETURNS[one.kind])} · {one.name}"
            case Settling.CREDIT_NOTE:
                return f"{self.words.say(HAPPENINGS[Happening.CREDIT_NOTE])} {one.name}"
        return f"{self.words.say(HAPPENINGS[Happening.WRITE_OFF])} · {one.name}"

    def happening(self, line: StatementLine) -> str:
        """A statement's line: what it was, and its number or reason."""
        text = self.words.say(HAPPENINGS[line.what])
        if line.what is Happening.PAYMENT:
            return f"{text} · {self.words.say(MEANS[Means(line.name)])}"
        return f"{text} {line.name}" if line.what in _NUMBERED else f"{text} · {line.name}"

    def beside(self, cost: Cost) -> str | None:
        """What makes a price less than the catalogue's, and who pays the rest."""
        said = []
        if cost.codes:
            said.append(self.words.say(N_("Less by %(codes)s"), codes=", ".join(cost.codes)))
        if cost.paid_by:
            said.append(self.words.say(N_("%(others)s pays a part"), others=", ".join(cost.paid_by)))
        if cost.whose is not None:
            said.append(self.words.say(N_("%(payer)s pays the rest"), payer=cost.whose))
        return " · ".join(said) or None


_NUMBERED = frozenset({Happening.INVOICE, Happening.CREDIT_NOTE})
