"""The SQL of access: from rows to the facts that the pure rules take. A few queries for thousands of accounts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, bindparam, func, or_, select

from portillon_cloud.access.blocks import Block, BlockReason, Switch
from portillon_cloud.access.facts import Membership
from portillon_cloud.access.grace_given import spared_until
from portillon_cloud.access.own_lines import BilledLine, Part, parts_owed
from portillon_cloud.access.standing import AccountFacts
from portillon_cloud.access.tables import block
from portillon_cloud.billing.event_store import recorded
from portillon_cloud.billing.life import tariffs as tariffs_of
from portillon_cloud.billing.tables import (
    BILLED_WITH_ANOTHER,
    contract,
    credit_note_line,
    invoice,
    invoice_line,
    plan,
    price,
    subscription,
)
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import Debt, DunningPolicy
from portillon_cloud.dunning.policy import Household
from portillon_cloud.dunning.tables import dunning_case, dunning_policy, dunning_promise
from portillon_cloud.members.tables import organisation
from portillon_cloud.payments.owed import UnpaidInvoice, unpaid_of_accounts
from portillon_cloud.payments.questions.holding import holds
from portillon_cloud.payments.tables import payment_attempt
from portillon_cloud.visits.plan_visits import PlanVisits

# Built once: a night's charges and reminders ask these for each account.
_COLLECTION = (
    select(organisation.c.time_zone, dunning_policy.c.body)
    .outerjoin_from(organisation, dunning_policy, dunning_policy.c.organisation_id == organisation.c.id)
    .where(organisation.c.id == bindparam("organisation_id"))
)
_STANDARD = DunningPolicy()
_CASES = (
    select(
        dunning_case.c.invoice_id,
        dunning_case.c.starts_on,
        dunning_case.c.failure,
        func.max(dunning_promise.c.until_ms).label("promised_until_ms"),
    )
    .outerjoin_from(dunning_case, dunning_promise, dunning_promise.c.case_id == dunning_case.c.id)
    .where(
        dunning_case.c.account_id.in_(bindparam("account_ids", expanding=True)), dunning_case.c.closed_at_ms.is_(None)
    )
    .group_by(dunning_case.c.id)
)
_HELD = select(payment_attempt.c.intent_id, payment_attempt.c.held_until_ms).where(
    payment_attempt.c.intent_id.in_(bindparam("intent_ids", expanding=True)),
    payment_attempt.c.held_until_ms.is_not(None),
)
_BLOCKS = (
    select(block)
    .where(
        block.c.account_id.in_(bindparam("account_ids", expanding=True)),
        or_(block.c.until_ms.is_(None), block.c.until_ms > bindparam("after_ms")),
    )
    .order_by(block.c.id)
)


@dataclass(frozen=True, slots=True)
class Collection:
    """What the organisation's dates and dunning go by."""

    zone: str
    policy: DunningPolicy


def collection(conn: Connection, organisation_id: int) -> Collection:
    """The organisation's time zone and dunning policy (the default one, unless it chose its own)."""
    row = conn.execute(_COLLECTION, {"organisation_id": organisation_id}).one()
    return Collection(row.time_zone, _STANDARD if row.body is None else DunningPolicy.from_body(row.body))


def debts(
    conn: Connection, account_ids: Sequence[int], household: Household = Household.ACCOUNT
) -> dict[int, list[Debt]]:
    """What each account owes, as the ladder sees it; `household` says whether debts are told apart by member."""
    unpaid = unpaid_of_accounts(conn, account_ids)
    if not unpaid:
        return {}
    parts = _parts_owed(conn, unpaid) if household is Household.MEMBER else {}
    cases = {row.invoice_id: row for row in conn.execute(_CASES, {"account_ids": account_ids})}
    held: dict[int, int] = {
        row.intent_id: row.held_until_ms
        for row in conn.execute(_HELD, {"intent_ids": [one.intent_id for one in unpaid]})
    }
    asked_until_ms = holds(conn, [one.invoice_id for one in unpaid])
    found: defaultdict[int, list[Debt]] = defaultdict(list)
    for one in unpaid:
        case = cases.get(one.invoice_id)
        promised_ms = None if case is None else case.promised_until_ms
        found[one.account_id] += [
            Debt(
                owed_minor=owed_minor,
                currency=one.currency,
                from_on=one.due_on if case is None else max(case.starts_on, one.due_on),
                failure=None if case is None else FailureClass(case.failure),
                held_until_ms=held.get(one.intent_id),
                promised_until_ms=max(promised_ms or 0, asked_until_ms.get(one.invoice_id, 0)) or None,
                members=None if whose is None else frozenset({whose}),
            )
            for whose, owed_minor in parts.get(one.intent_id) or [(None, one.owed_minor)]
        ]
    return found


def _parts_owed(conn: Connection, unpaid: Sequence[UnpaidInvoice]) -> dict[int, list[Part]]:
    """By intent, whose lines of its invoice are unpaid; two queries."""
    invoice_ids = {one.invoice_id for one in unpaid}
    tax = select(invoice.c.id, invoice.c.tax_minor).where(invoice.c.id.in_(invoice_ids))
    taxes = {row.id: row.tax_minor for row in conn.execute(tax)}
    lines: defaultdict[int, list[BilledLine]] = defaultdict(list)
    credited = (
        select(func.coalesce(func.sum(credit_note_line.c.net_minor), 0))
        .where(credit_note_line.c.invoice_line_id == invoice_line.c.id)
        .scalar_subquery()
    )
    for row in conn.execute(
        select(
            invoice_line.c.invoice_id,
            subscription.c.member_id,
            invoice_line.c.net_minor,
            invoice_line.c.taxable,
            credited.label("credited_minor"),
        )
        .outerjoin_from(invoice_line, subscription, subscription.c.id == invoice_line.c.subscription_id)
        .where(invoice_line.c.invoice_id.in_(invoice_ids))
        .order_by(invoice_line.c.invoice_id, invoice_line.c.position)
    ):
        lines[row.invoice_id].append(
            BilledLine(
                member_id=row.member_id,
                net_minor=row.net_minor,
                taxable=row.taxable,
                credited_minor=int(row.credited_minor),
            )
        )
    intents: defaultdict[int, list[UnpaidInvoice]] = defaultdict(list)
    for one in unpaid:  # of each invoice what is due first comes first
        intents[one.invoice_id].append(one)
    return {
        one.intent_id: parts
        for invoice_id, ours in intents.items()
        for one, parts in zip(
            ours,
            parts_owed(lines[invoice_id], taxes[invoice_id], [one.owed_minor for one in ours]),
            strict=True,
        )
    }


def blocks(conn: Connection, account_ids: Sequence[int], after_ms: int) -> dict[tuple[int, int | None], list[Block]]:
    """Blocks that hold at some time after this instant, by (account, member); member None: the whole account."""
    found: defaultdict[tuple[int, int | None], list[Block]] = defaultdict(list)
    for row in conn.execute(_BLOCKS, {"account_ids": account_ids, "after_ms": after_ms}):
        found[row.account_id, row.member_id].append(
            Block(
                reason=BlockReason(row.reason),
                source=row.source,
                from_ms=row.from_ms,
                until_ms=row.until_ms,
                switches=frozenset(Switch(switch) for switch in row.switches),
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTerms:
    """What the rules need of one subscription. `next_due_on`: earliest due date of the next invoice, if one comes.

    `sites` and `visits`: where it holds and how often, as its plan says; None: at home, and without a limit.
    """

    subscription_id: int
    account_id: int
    member_id: int
    membership: Membership
    plan: str
    sites: str | list[int] | None
    visits: PlanVisits | None
    next_due_on: date | None
    bill_with_id: int
    """The account with whose invoices its own are made: its own, or that of another who pays a part."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a price's plan opens, and how often."""

    name: str
    zones: frozenset[str]
    schedule: str
    sites: str | list[int] | None
    visits: PlanVisits | None


def terms(conn: Connection, account_ids: Sequence[int], zone: str) -> list[SubscriptionTerms]:
    """The subscriptions of these accounts, one part for each plan that they have had, have or will have.

    A membership begins and ends, and a change of plan holds, at local midnight.
    """
    rows = conn.execute(
        select(
            subscription.c.id,
            subscription.c.account_id,
            subscription.c.member_id,
            subscription.c.price_id,
            subscription.c.plain,
            subscription.c.ends_on,
            subscription.c.state,
            subscription.c.next_invoice_on,
            subscription.c.bill_with_id,
            contract.c.starts_on,
            contract.c.ends_on.label("contract_ends_on"),
        )
        .join_from(subscription, contract, contract.c.id == subscription.c.contract_id)
        .where(subscription.c.account_id.in_(account_ids))
        .order_by(subscription.c.id)
    ).all()
    changed = [row.id for row in rows if not row.plain]
    events = recorded(conn, changed) if changed else {}
    tariffs = {subscription_id: tariffs_of(of_one) for subscription_id, of_one in events.items()}
    prices = {row.price_id for row in rows} | {one.price_id for parts in tariffs.values() for _, one in parts}
    plans = _plans(conn, prices)
    found = []
    for row in rows:
        ends_on = row.contract_ends_on if row.ends_on is None else row.ends_on
        if row.state != "active" and ends_on is None:
            ends_on = row.starts_on  # ended without a date: it opens nothing
        next_on = row.next_invoice_on if row.state == "active" else None
        parts = [(day, tariff.price_id) for day, tariff in tariffs.get(row.id, ())] or [(row.starts_on, row.price_id)]
        for index, (from_on, price_id) in enumerate(parts):
            until = [ends_on] if index + 1 == len(parts) else [ends_on, parts[index + 1][0]]
            until_on = min((on for on in until if on is not None), default=None)
            sold = plans[price_id]
            found.append(
                SubscriptionTerms(
                    subscription_id=row.id,
                    account_id=row.account_id,
                    member_id=row.member_id,
                    membership=Membership(
                        from_ms=start_of_day_ms(from_on, zone),
                        until_ms=None if until_on is None else start_of_day_ms(until_on, zone),
                        zones=sold.zones,
                        schedule=sold.schedule,
                    ),
                    plan=sold.name,
                    sites=sold.sites,
                    visits=sold.visits,
                    # Invoices fall due on the day they are made for.
                    next_due_on=next_on if next_on and (ends_on is None or next_on < ends_on) else None,
                    bill_with_id=row.bill_with_id,
                )
            )
    return found


def _plans(conn: Connection, price_ids: Iterable[int]) -> dict[int, _Plan]:
    rows = conn.execute(
        select(price.c.id, plan.c.name, plan.c.zones, plan.c.schedule, plan.c.sites, plan.c.visits)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(price.c.id.in_(sorted(price_ids)))
    )
    return {
        row.id: _Plan(
            row.name,
            frozenset(row.zones),
            row.schedule,
            row.sites,
            None if row.visits is None else PlanVisits.from_body(row.visits),
        )
        for row in rows
    }


def account_facts(
    conn: Connection, organisation_id: int, account_ids: Sequence[int], now_ms: int
) -> dict[int, AccountFacts]:
    """Everything that the standing of these accounts depends on."""
    going_by = collection(conn, organisation_id)
    of_accounts = terms(conn, account_ids, going_by.zone)
    return build_facts(
        account_ids,
        going_by,
        blocks=blocks_around(conn, account_ids, of_accounts, going_by.zone, now_ms),
        debts=debts(conn, account_ids, going_by.policy.household),
        terms=of_accounts,
        spared=spared_until(conn, account_ids),
    )


def billed_with(conn: Connection, account_id: int) -> Sequence[int]:
    """Other accounts of which this one pays a part, so that their invoices are made with its own."""
    column = subscription.c
    return conn.scalars(
        select(column.account_id)
        .where(column.bill_with_id == account_id, BILLED_WITH_ANOTHER)
        .distinct()
        .order_by(column.account_id)
    ).all()


def blocks_around(
    conn: Connection, account_ids: Sequence[int], terms: Sequence[SubscriptionTerms], zone: str, now_ms: int
) -> dict[tuple[int, int | None], list[Block]]:
    """The blocks that matter to these accounts now: their own, and those of others with whom they are billed."""
    around = {*account_ids, *(one.bill_with_id for one in terms)}
    return blocks(conn, sorted(around), unbilled_since_ms(terms, zone, now_ms))


def unbilled_since_ms(terms: Iterable[SubscriptionTerms], zone: str, now_ms: int) -> int:
    """Since when something waits to be billed, now if nothing does: blocks that ended since say why it still waits."""
    due = (start_of_day_ms(one.next_due_on, zone) for one in terms if one.next_due_on is not None)
    return min(now_ms, min(due, default=now_ms))


def build_facts(
    account_ids: Iterable[int],
    going_by: Collection,
    *,
    blocks: dict[tuple[int, int | None], list[Block]],
    debts: dict[int, list[Debt]],
    terms: Iterable[SubscriptionTerms],
    spared: Mapping[int, int],
) -> dict[int, AccountFacts]:
    """Put loaded rows together, account by account."""
    due: dict[int, date] = {}
    due_of: defaultdict[int, dict[int, date]] = defaultdict(dict)
    others: defaultdict[int, set[int]] = defaultdict(set)
    for one in terms:
        if one.next_due_on is not None:
            others[one.account_id] |= {one.bill_with_id} - {one.account_id}
            due[one.account_id] = min(one.next_due_on, due.get(one.account_id, one.next_due_on))
            own = due_of[one.account_id]
            own[one.member_id] = min(one.next_due_on, own.get(one.member_id, one.next_due_on))
    return {
        account_id: AccountFacts(
            zone=going_by.zone,
            policy=going_by.policy,
            blocks=tuple(blocks.get((account_id, None), ())),
            payer_blocks=tuple(one for other in sorted(others[account_id]) for one in blocks.get((other, None), ())),
            debts=tuple(debts.get(account_id, ())),
            next_due_on=due.get(account_id),
            next_due_of=due_of[account_id],
            spared_until_ms=spared.get(account_id),
        )
        for account_id in account_ids
    }
