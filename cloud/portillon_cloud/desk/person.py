"""Who stands at the desk, in one call: may they enter and why, what is owed, what comes next, the one thing to do."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from portillon_rules.evidence import NO_EVIDENCE
from portillon_rules.reason import DenyReason
from sqlalchemy import Connection, func, select

from portillon_cloud.access import store as access_store
from portillon_cloud.access.errors import UnknownSiteError
from portillon_cloud.access.grace_given import GraceGiven, grace_of
from portillon_cloud.access.standing import AccountFacts, dues_shut_ms
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import billing_doubt, doubt_settled, invoice, subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.desk.todo import Situation, TheOneThing, the_one_thing
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.next_steps import next_steps
from portillon_cloud.members.tables import account, legal_entity, member, site
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import UnpaidInvoice, unpaid_invoices
from portillon_cloud.payments.questions.tables import invoice_question, question_answer
from portillon_cloud.payments.tables import (
    LIVE_INTENT,
    AttemptState,
    MethodState,
    open_credit,
    payment_attempt,
    payment_intent,
    payment_method,
)
from portillon_cloud.reports.may_pass import Answer, may_pass
from portillon_cloud.secrets import Keyring

NEXT_MOST = 3


class Next(StrEnum):
    """What happens by itself, if nobody does anything. Of one day, in this order."""

    DUE = "due"  # a bill, or a part of one, is to be paid
    RETRY = "retry"
    PROMISE = "promise"
    SHUT = "shut"  # dues shut the door
    REMINDER = "reminder"
    HAND_OVER = "hand_over"
    CANCELLATION = "cancellation"
    WRITE_OFF = "write_off"
    INVOICE = "invoice"  # the next period is billed


@dataclass(frozen=True, slots=True)
class NextThing:
    """One of them, and its day."""

    kind: Next
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A bill, or a part of one, that is not paid."""

    invoice_id: int
    number: str
    amount: Money
    due_on: date
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDesk:
    """The whole answer. Money None: there is none of it. `since`: of what is overdue. `grace`: in force, given here."""

    member_id: int
    account_id: int
    subscription_id: int | None  # the newest that runs
    site_id: int
    first_name: str
    last_name: str
    payer: str
    currency: str
    may: Answer
    owed: tuple[Owed, ...]
    overdue: Money | None
    since: date | None
    credit: Money | None
    grace: GraceGiven | None
    next: tuple[NextThing, ...]
    thing: TheOneThing
    question_id: int | None  # about a bill of theirs, open the longest


def at_desk(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    member_id: int,
    now_ms: int,
    site_id: int | None = None,
) -> AtDesk | None:
    """The answer at this business instant, at a site or at the member's own; None: no such member.

    Raises UnknownSiteError.
    """
    row = conn.execute(
        select(member, account.c.name.label("payer"), legal_entity.c.currency)
        .join(account, account.c.id == member.c.account_id)
        .join(legal_entity, legal_entity.c.id == account.c.legal_entity_id)
        .where(member.c.organisation_id == organisation_id, member.c.id == member_id)
    ).one_or_none()
    if row is None:
        return None
    answer = _answer(conn, keyring, organisation_id, member_id, row.site_id, site_id, now_ms)
    facts = access_store.account_facts(conn, organisation_id, [row.account_id], now_ms)[row.account_id]
    today = local_date(now_ms, facts.zone)
    unpaid = unpaid_invoices(conn, row.account_id)
    overdue = [one for one in unpaid if one.due_on <= today and one.currency == row.currency]
    overdue_minor = sum(one.owed_minor for one in overdue)
    to_confirm, on_its_way = _being_charged(conn, row.account_id, row.currency)
    question_id = _asked(conn, row.account_id)
    situation = Situation(
        refusal=answer.reason,
        has_card=answer.has_card,
        overdue=Money(overdue_minor, row.currency) if overdue_minor else None,
        to_confirm=to_confirm,
        on_its_way=on_its_way,
        asked=any(one.parked for one in unpaid) or question_id is not None,
        stopped=_stopped(conn, row.account_id),
        card_fails=_card_fails(conn, row.account_id, facts.next_due_on or (today if unpaid else None)),
    )
    given = next(iter(grace_of(conn, organisation_id, row.account_id)), None)
    return AtDesk(
        member_id=member_id,
        account_id=row.account_id,
        subscription_id=_running(conn, member_id),
        site_id=row.site_id if site_id is None else site_id,
        first_name=row.first_name,
        last_name=row.last_name,
        payer=row.payer,
        currency=row.currency,
        may=answer,
        owed=_owed(conn, unpaid, today),
        overdue=situation.overdue,
        since=min((one.due_on for one in overdue), default=None),
        credit=_credit(conn, row.account_id, row.currency),
        grace=given if given is not None and given.until_ms > now_ms else None,
        next=_coming(conn, organisation_id, facts.for_member(str(member_id)), unpaid, now_ms),
        thing=the_one_thing(situation),
        question_id=question_id,
    )


def _answer(
    conn: Connection,
    keyring: Keyring,
    organisation_id: int,
    member_id: int,
    home_id: int,
    site_id: int | None,
    now_ms: int,
) -> Answer:
    who = {"organisation_id": organisation_id, "member_id": member_id, "business_ms": now_ms}
    if site_id is not None and site_id != home_id:
        known = conn.scalar(select(site.c.id).where(site.c.id == site_id, site.c.organisation_id == organisation_id))
        if known is None:
            raise UnknownSiteError(f"site {site_id} does not exist")
        found = may_pass(conn, keyring, **who, site_id=site_id)
        if found is not None:
            return found
    at_home = may_pass(conn, keyring, **who)
    if at_home is None:
        raise LookupError(f"member {member_id} was there a moment ago")
    if site_id is None or site_id == home_id:
        return at_home
    # Its gateways have no row of them: to the turnstile there the card is a stranger's.
    return replace(
        at_home,
        allowed=False,
        reason=DenyReason.UNKNOWN_CREDENTIAL,
        zones=(),
        until_ms=None,
        evidence=NO_EVIDENCE,
        flags=(),
        not_alone=False,
    )


def _running(conn: Connection, member_id: int) -> int | None:
    found: int | None = conn.scalar(
        select(func.max(subscription.c.id)).where(
            subscription.c.member_id == member_id, subscription.c.state == "active"
        )
    )
    return found


def _owed(conn: Connection, unpaid: list[UnpaidInvoice], today: date) -> tuple[Owed, ...]:
    rows = conn.execute(
        select(invoice.c.id, invoice.c.issued_on).where(invoice.c.id.in_([one.invoice_id for one in unpaid]))
    )
    issued = {row.id: row.issued_on for row in rows}
    return tuple(
        Owed(
            invoice_id=one.invoice_id,
            number=printed(one.series, one.number, issued[one.invoice_id]),
            amount=Money(one.owed_minor, one.currency),
            due_on=one.due_on,
            overdue=one.due_on <= today,
        )
        for one in unpaid
    )


def _being_charged(conn: Connection, account_id: int, currency: str) -> tuple[Money | None, Money | None]:
    """What waits for the member's yes, and what is on its way."""
    rows = conn.execute(
        select(payment_attempt.c.state, func.sum(payment_intent.c.amount_minor).label("minor"))
        .join(payment_intent, payment_intent.c.id == payment_attempt.c.intent_id)
        .where(
            payment_intent.c.account_id == account_id,
            LIVE_INTENT,
            payment_intent.c.currency == currency,
            payment_attempt.c.state.not_in([AttemptState.OVER, AttemptState.PROVIDER_DOWN]),
        )
        .group_by(payment_attempt.c.state)
    )
    minor = {AttemptState(row.state): int(row.minor) for row in rows}
    confirm = minor.pop(AttemptState.ACTION_REQUIRED, 0)
    way = sum(minor.values())
    return Money(confirm, currency) if confirm else None, Money(way, currency) if way else None


def _asked(conn: Connection, account_id: int) -> int | None:
    """The question about a bill of theirs that has waited the longest."""
    found: int | None = conn.scalar(
        select(invoice_question.c.id)
        .join(question_answer, question_answer.c.question_id == invoice_question.c.id, isouter=True)
        .where(invoice_question.c.account_id == account_id, question_answer.c.id.is_(None))
        .order_by(invoice_question.c.id)
        .limit(1)
    )
    return found


def _stopped(conn: Connection, account_id: int) -> bool:
    found = conn.scalar(
        select(billing_doubt.c.id)
        .join(doubt_settled, doubt_settled.c.doubt_id == billing_doubt.c.id, isouter=True)
        .where(billing_doubt.c.account_id == account_id, doubt_settled.c.doubt_id.is_(None))
        .limit(1)
    )
    return found is not None


def _card_fails(conn: Connection, account_id: int, charged_on: date | None) -> bool:
    """Whether what is on file cannot be charged on the day it next would be; who never had any pays at the desk."""
    column = payment_method.c
    methods = conn.execute(
        select(column.state, column.exp_year, column.exp_month)
        .where(column.account_id == account_id, column.state != MethodState.REMOVED)
        .order_by(column.id.desc())
    ).all()
    if charged_on is None or not methods:
        return False
    newest = next((one for one in methods if one.state == MethodState.ACTIVE), None)
    if newest is None:
        return True
    return newest.exp_year is not None and (newest.exp_year, newest.exp_month) < (charged_on.year, charged_on.month)


def _credit(conn: Connection, account_id: int, currency: str) -> Money | None:
    minor = conn.scalar(
        select(func.sum(open_credit.c.left_minor)).where(
            open_credit.c.account_id == account_id, open_credit.c.currency == currency
        )
    )
    return Money(int(minor), currency) if minor else None


def _coming(
    conn: Connection, organisation_id: int, facts: AccountFacts, unpaid: list[UnpaidInvoice], now_ms: int
) -> tuple[NextThing, ...]:
    today = local_date(now_ms, facts.zone)
    to_come = next_steps(conn, organisation_id, {one.invoice_id for one in unpaid}, now_ms)
    found = {
        NextThing(Next(step.kind), step.on)
        for steps in to_come.values()
        for step in steps
        # When dues shut this member's door is asked of the rules below: the next invoice counts there too.
        if step.kind is not StepKind.RESTRICTION and step.on is not None
    }
    found |= {NextThing(Next.DUE, one.due_on) for one in unpaid if one.due_on > today}
    shut_ms = dues_shut_ms(facts) if unpaid else None
    if shut_ms is not None and local_date(shut_ms, facts.zone) > today:
        found.add(NextThing(Next.SHUT, local_date(shut_ms, facts.zone)))
    if facts.next_due_on is not None and facts.next_due_on > today:
        found.add(NextThing(Next.INVOICE, facts.next_due_on))
    order = list(Next)
    return tuple(sorted(found, key=lambda one: (one.on, order.index(one.kind)))[:NEXT_MOST])
