"""Every kind of event that programs can be told of, and what stands in it. `docs/webhooks.md` has the same table.

An event names a thing and what it is like when the event is sent: ids and states, no names, no addresses, no card. So
an event that comes late or twice, or after a newer one, never says what is no longer so.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field


class EventKind(StrEnum):
    """What happened. The names are kept for ever: a program reads them."""

    MEMBER_CREATED = "member.created"
    SUBSCRIPTION_STARTED = "subscription.started"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_ENDED = "subscription.ended"
    INVOICE_ISSUED = "invoice.issued"
    CREDIT_NOTE_ISSUED = "credit_note.issued"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_ACTION_REQUIRED = "payment.action_required"
    PAYMENT_RETURNED = "payment.returned"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_ANSWERED = "dispute.answered"
    DISPUTE_CLOSED = "dispute.closed"
    DISPUTE_CLEARED = "dispute.cleared"
    REFUND_PAID = "refund.paid"
    ACCOUNT_SUSPECTED = "account.suspected"
    STANDING_CHANGED = "standing.changed"
    PASSAGE = "attendance.passage"
    ENDPOINT_FAILING = "endpoint.failing"
    PING = "endpoint.ping"


class State(BaseModel):
    """What a thing is like now. Amounts are in minor units, instants milliseconds of business time."""

    model_config = ConfigDict(frozen=True)


class MemberState(State):
    member_id: int
    account_id: int = Field(description="Who pays")
    site_id: int
    joined_on: datetime.date


class SubscriptionState(State):
    subscription_id: int
    contract_id: int
    member_id: int
    account_id: int = Field(description="Who pays")
    price_id: int
    condition: str = Field(description="coming, trial, running, frozen, ended")
    starts_on: datetime.date
    ends_on: datetime.date | None = Field(description="The first day without it; null: no end is known")


class InvoiceState(State):
    invoice_id: int
    account_id: int
    number: str
    issued_on: datetime.date
    due_on: datetime.date
    currency: str
    total_minor: int
    owed_minor: int = Field(description="What is still to be paid")


class CreditNoteState(State):
    credit_note_id: int
    invoice_id: int
    account_id: int
    number: str
    issued_on: datetime.date
    currency: str
    total_minor: int


class Settled(State):
    invoice_id: int
    amount_minor: int


class PaymentState(State):
    payment_id: int
    account_id: int
    means: str = Field(description="provider, cash, cheque, terminal, transfer, brought")
    currency: str
    amount_minor: int
    returned_minor: int = Field(description="What the payer's bank has taken back since")
    settles: list[Settled] = Field(description="What it was used for; the rest is the member's credit")


class ChargeState(State):
    attempt_id: int
    invoice_id: int
    account_id: int
    number: int = Field(description="Which try it was")
    currency: str
    amount_minor: int
    outcome: str | None = Field(description="succeeded, refused, abandoned; null: not decided yet")
    code: str | None = Field(description="Why it was refused, in the provider's word")
    owed_minor: int = Field(description="What is still to be paid of the invoice")


class ReturnState(State):
    return_id: int
    payment_id: int
    account_id: int
    kind: str = Field(description="returned, disputed, bounced")
    code: str = Field(description="Why, in the bank's word")
    currency: str
    amount_minor: int


class DisputeTold(State):
    dispute_id: int
    payment_id: int
    account_id: int
    state: str = Field(description="inquiry, open, inquiry_answered, answered, won, lost, inquiry_closed")
    reason: str = Field(description="In the bank's word")
    currency: str
    amount_minor: int
    fee_minor: int = Field(description="What the provider has kept for it so far")
    debit: bool = Field(description="Of a bank account: its bank hears no answer")
    cleared: bool = Field(description="Lost, and a person has let the account go on since")
    answer_by_ms: int | None = Field(description="Until when the bank hears us; null: it does not")


class RefundTold(State):
    refund_id: int
    account_id: int
    means: str = Field(description="provider, cash, cheque, transfer")
    currency: str
    amount_minor: int


class SuspectedState(State):
    account_id: int
    suspicions: list[str] = Field(description="many_cards, many_refusals, one_address, card_testing; cleared ones not")


class StandingState(State):
    account_id: int
    standing: str = Field(description="clear, grace, suspended, frozen, chargeback, parked, blocked")
    switched_off: list[str] = Field(description="Of access, invoicing, collection, changes")


class PassageState(State):
    passage_id: int
    site_id: int
    door: str | None
    member_id: int | None = Field(description="Null: the gateway did not know who it was")
    at_ms: int | None = Field(description="Null: nobody can tell when")
    way: str | None = Field(description="entry, exit; null: the door does not tell")


class EndpointTold(State):
    endpoint_id: int
    state: str = Field(description="active, paused, failing, gone, removed")


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of the catalogue: what its data is, and when it is told."""

    data: type[State]
    says: str


CATALOGUE: Mapping[EventKind, Entry] = MappingProxyType(
    {
        EventKind.MEMBER_CREATED: Entry(MemberState, "Somebody may be given a membership"),
        EventKind.SUBSCRIPTION_STARTED: Entry(SubscriptionState, "A subscription was agreed"),
        EventKind.SUBSCRIPTION_CHANGED: Entry(
            SubscriptionState, "Another price, a freeze, a discount, or an end taken back"
        ),
        EventKind.SUBSCRIPTION_ENDED: Entry(
            SubscriptionState, "An end was agreed or decided; `ends_on` says when it comes"
        ),
        EventKind.INVOICE_ISSUED: Entry(InvoiceState, "An invoice was issued"),
        EventKind.CREDIT_NOTE_ISSUED: Entry(CreditNoteState, "Something of an invoice was taken back"),
        EventKind.PAYMENT_SUCCEEDED: Entry(PaymentState, "Money came in, by whatever means"),
        EventKind.PAYMENT_FAILED: Entry(ChargeState, "A charge was refused"),
        EventKind.PAYMENT_ACTION_REQUIRED: Entry(ChargeState, "The payer must confirm a charge with their bank"),
        EventKind.PAYMENT_RETURNED: Entry(ReturnState, "A payer's bank took money back that had come in"),
        EventKind.DISPUTE_OPENED: Entry(DisputeTold, "A payer's bank asks about a payment, or takes it back for now"),
        EventKind.DISPUTE_ANSWERED: Entry(DisputeTold, "The bank has our answer, and reads it"),
        EventKind.DISPUTE_CLOSED: Entry(DisputeTold, "A dispute was won, lost, or came to nothing"),
        EventKind.DISPUTE_CLEARED: Entry(DisputeTold, "A person lets the account go on after a dispute that was lost"),
        EventKind.REFUND_PAID: Entry(RefundTold, "Money was paid back to a member"),
        EventKind.ACCOUNT_SUSPECTED: Entry(SuspectedState, "Cards were tried so often with an account that it is held"),
        EventKind.STANDING_CHANGED: Entry(
            StandingState, "Dues fell overdue or were paid, a block began or ended: look at the standing again"
        ),
        EventKind.PASSAGE: Entry(PassageState, "Somebody went through a door or a lane"),
        EventKind.ENDPOINT_FAILING: Entry(
            EndpointTold, "Another endpoint of yours was turned off, for it kept failing"
        ),
        EventKind.PING: Entry(EndpointTold, "Somebody tries whether this endpoint answers"),
    }
)
