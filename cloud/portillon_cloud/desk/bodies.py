"""What the desk's routes take and give."""

from datetime import date
from typing import Annotated, Literal

from portillon_rules.reason import DenyReason
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.access.standing import Standing
from portillon_cloud.desk.instalments import Every
from portillon_cloud.desk.person import AtDesk, Next
from portillon_cloud.desk.plan_view import PlanView
from portillon_cloud.desk.receipt import Receipt
from portillon_cloud.desk.tables import PlanState
from portillon_cloud.desk.todo import Todo
from portillon_cloud.desk.words import said
from portillon_cloud.http.paging import Id
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.payments.tables import Means

Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S", description="Why; the next one reads it")]


class MoneyOut(BaseModel):
    amount_minor: int
    currency: str


class MayEnterOut(BaseModel):
    """What the turnstile there would say. `until_ms`: until then without further news."""

    allowed: bool
    reason: DenyReason | None
    standing: Standing
    zones: list[str]
    until_ms: int | None
    has_card: bool


class OwedOut(BaseModel):
    """A bill, or a part of one, that is not paid."""

    invoice_id: int
    number: str
    amount: MoneyOut
    due_on: date
    overdue: bool


class NextOut(BaseModel):
    """What happens by itself on that day, if nobody does anything."""

    what: Next
    on: date


class TodoOut(BaseModel):
    """The one thing to do now, and how to say it: `say` has a sentence in each language."""

    what: Todo
    amount: MoneyOut | None
    say: dict[Literal["en", "fr"], str]


class AtDeskOut(BaseModel):
    """May they enter here and why, what is owed and since when, what comes next, and the one thing to do now."""

    member_id: int
    account_id: int
    site_id: int
    name: str
    payer: str
    may_enter: MayEnterOut
    owed: list[OwedOut]
    overdue: MoneyOut | None
    overdue_since: date | None
    credit: MoneyOut | None
    grace_until_ms: int | None
    next: list[NextOut]
    todo: TodoOut


class FoundOut(BaseModel):
    member_id: int
    name: str
    payer: str
    plans: list[str]


class NewGrace(BaseModel):
    model_config = ConfigDict(extra="forbid")

    until_on: date = Field(description="The last day on which nothing owed shuts the door")
    reason: Reason


class GraceOut(BaseModel):
    id: int
    given_at_ms: int
    until_ms: int
    given_by: str
    reason: str


class NewWaiver(BaseModel):
    model_config = ConfigDict(extra="forbid")

    invoice_id: Id
    amount_minor: int = Field(gt=0, le=1_000_000_000, description="Minor units (cents)")
    reason: Reason


class NewPlan(BaseModel):
    """All that is overdue, in `count` parts, the first on `first_on`."""

    model_config = ConfigDict(extra="forbid")

    count: int = Field(ge=2, le=12)
    first_on: date
    every: Every
    reason: Reason


class InstalmentOut(BaseModel):
    number: int
    due_on: date
    amount_minor: int


class PlanOut(BaseModel):
    """`id` null: only shown, not agreed."""

    id: int | None
    total_minor: int
    currency: str
    state: PlanState
    agreed_by: str | None
    instalments: list[InstalmentOut]


class NewBounce(BaseModel):
    """`paid_in`: it was brought to the bank already."""

    model_config = ConfigDict(extra="forbid")

    paid_in: bool
    reason: Reason


class MadeOut(BaseModel):
    id: int


class PaidOut(BaseModel):
    invoice_id: int
    number: str
    amount: MoneyOut


class ReceiptOut(BaseModel):
    number: str
    payer: str
    received_on: date
    amount: MoneyOut
    means: Means
    taken_by: str | None
    invoices: list[PaidOut]
    credit: MoneyOut | None
    taken_back: MoneyOut | None


class DeskPolicyBody(BaseModel):
    """What the desk may do without an owner. `waived_minor_most`: of one account in thirty days."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    grace_days_most: int = Field(ge=0, le=92)
    waived_minor_most: int = Field(ge=0, le=100_000_000)
    instalments_most: int = Field(ge=2, le=12)
    plan_days_most: int = Field(ge=0, le=366)
    tolerance_days: int = Field(ge=0, le=30)


def at_desk_out(found: AtDesk) -> AtDeskOut:
    """As the API says it."""
    may = found.may
    return AtDeskOut(
        member_id=found.member_id,
        account_id=found.account_id,
        site_id=found.site_id,
        name=f"{found.first_name} {found.last_name}",
        payer=found.payer,
        may_enter=MayEnterOut(
            allowed=may.allowed,
            reason=may.reason,
            standing=may.standing,
            zones=list(may.zones),
            until_ms=may.until_ms,
            has_card=may.has_card,
        ),
        owed=[
            OwedOut(
                invoice_id=one.invoice_id,
                number=one.number,
                amount=_sum(one.amount),
                due_on=one.due_on,
                overdue=one.overdue,
            )
            for one in found.owed
        ],
        overdue=None if found.overdue is None else _sum(found.overdue),
        overdue_since=found.since,
        credit=None if found.credit is None else _sum(found.credit),
        grace_until_ms=None if found.grace is None else found.grace.until_ms,
        next=[NextOut(what=one.kind, on=one.on) for one in found.next],
        todo=TodoOut(
            what=found.thing.todo,
            amount=None if found.thing.amount is None else _sum(found.thing.amount),
            say={"en": said(found.thing, Words("en")), "fr": said(found.thing, Words("fr"))},
        ),
    )


def receipt_out(found: Receipt) -> ReceiptOut:
    """As the API says it."""
    return ReceiptOut(
        number=found.number,
        payer=found.payer,
        received_on=found.received_on,
        amount=_sum(found.amount),
        means=found.means,
        taken_by=found.taken_by,
        invoices=[PaidOut(invoice_id=one.invoice_id, number=one.number, amount=_sum(one.amount)) for one in found.paid],
        credit=None if found.credit is None else _sum(found.credit),
        taken_back=None if found.taken_back is None else _sum(found.taken_back),
    )


def _sum(money: Money) -> MoneyOut:
    return MoneyOut(amount_minor=money.amount_minor, currency=money.currency)


def plan_out(found: PlanView) -> PlanOut:
    """As the API says it."""
    return PlanOut(
        id=found.id,
        total_minor=found.total.amount_minor,
        currency=found.total.currency,
        state=found.state,
        agreed_by=found.agreed_by,
        instalments=[
            InstalmentOut(number=one.number, due_on=one.due_on, amount_minor=one.amount_minor)
            for one in found.instalments
        ],
    )
