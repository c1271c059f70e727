"""One member: who pays, what was agreed, what opens, what is owed. Money only for those who may see it."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, or_, select

from portillon_cloud.billing.calendar import IntervalUnit
from portillon_cloud.billing.tables import contract, plan, price, subscription
from portillon_cloud.members.company import NOBODY_NEEDED, company_of
from portillon_cloud.members.tables import account, member, site
from portillon_cloud.money import Money
from portillon_cloud.payments.tables import MethodState, payment_method
from portillon_cloud.reports.credential_list import CredentialLine, credential_lines
from portillon_cloud.reports.invoice_view import InvoiceLine, PaymentLine, invoices_of, payments_of
from portillon_cloud.secrets import Keyring

INVOICES_SHOWN = 24
PAYMENTS_SHOWN = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLine:
    subscription_id: int
    plan: str
    price: Money
    interval_count: int
    interval_unit: IntervalUnit
    starts_on: date
    ends_on: date | None
    signed_on: date
    instalments: int | None
    total: Money | None
    next_invoice_on: date | None
    law: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMoney:
    """What only those see who may see money."""

    invoices: tuple[InvoiceLine, ...]
    payments: tuple[PaymentLine, ...]
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Another member, as this one's page names them."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    id: int
    account_id: int
    site_id: int
    time_zone: str  # the site's
    first_name: str
    last_name: str
    email: str | None
    joined_on: date
    language: str | None
    groups: tuple[str, ...]
    zones: tuple[str, ...]  # of their home site
    long_access: bool
    first_person: bool
    lockdown_exempt: bool
    escort: bool
    escorted: bool
    supervisor: bool
    guardians: tuple[Acquaintance, ...]
    hosts: tuple[Acquaintance, ...]
    same_payer: tuple[Acquaintance, ...]  # the likely guardians
    payer: str
    payer_email: str | None
    credentials: tuple[CredentialLine, ...]  # the newest first
    contracts: tuple[ContractLine, ...]
    money: AccountMoney | None

    @property
    def has_contract(self) -> bool:
        """Whether a contract is in force."""
        return any(one.active for one in self.contracts)


def member_view(
    conn: Connection, keyring: Keyring, *, organisation_id: int, member_id: int, with_money: bool, now_ms: int
) -> MemberView | None:
    """The member at this business instant, or None if this organisation has no such one."""
    row = conn.execute(
        select(
            member,
            account.c.name.label("payer"),
            account.c.email.label("payer_email"),
            site.c.time_zone,
            site.c.zones,
        )
        .join_from(member, account, account.c.id == member.c.account_id)
        .join(site, site.c.id == member.c.site_id)
        .where(member.c.organisation_id == organisation_id, member.c.id == member_id)
    ).one_or_none()
    if row is None:
        return None
    needed = company_of(conn, [member_id]).get(member_id, NOBODY_NEEDED)
    names = _names(conn, row.account_id, organisation_id, {*needed.guardians, *needed.hosts})
    return MemberView(
        id=row.id,
        account_id=row.account_id,
        site_id=row.site_id,
        time_zone=row.time_zone,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        joined_on=row.joined_on,
        language=row.language,
        groups=tuple(row.groups),
        zones=tuple(row.zones),
        long_access=row.long_access,
        first_person=row.first_person,
        lockdown_exempt=row.lockdown_exempt,
        escort=row.escort,
        escorted=row.escorted,
        supervisor=row.supervisor,
        guardians=tuple(names[one] for one in needed.guardians),
        hosts=tuple(names[one] for one in needed.hosts),
        same_payer=tuple(one for one in names.values() if one.id not in {member_id, *needed.guardians, *needed.hosts}),
        payer=row.payer,
        payer_email=row.payer_email,
        credentials=credential_lines(conn, keyring, organisation_id, member_id, now_ms=now_ms),
        contracts=_contracts(conn, member_id),
        money=_money(conn, organisation_id, row.account_id) if with_money else None,
    )


def _names(conn: Connection, account_id: int, organisation_id: int, others: set[int]) -> dict[int, Acquaintance]:
    rows = conn.execute(
        select(member.c.id, member.c.first_name, member.c.last_name)
        .where(
            member.c.organisation_id == organisation_id,
            or_(member.c.account_id == account_id, member.c.id.in_(others)),
        )
        .order_by(member.c.id)
    )
    return {row.id: Acquaintance(row.id, f"{row.first_name} {row.last_name}") for row in rows}


def _contracts(conn: Connection, member_id: int) -> tuple[ContractLine, ...]:
    rows = conn.execute(
        select(
            contract,
            plan.c.name.label("plan_name"),
            price.c.amount_minor,
            price.c.currency,
            price.c.interval_count,
            price.c.interval_unit,
            subscription.c.id.label("subscription_id"),
            subscription.c.ends_on.label("subscription_ends_on"),
            subscription.c.next_invoice_on,
            subscription.c.state.label("subscription_state"),
        )
        .select_from(subscription)
        .join(contract, contract.c.id == subscription.c.contract_id)
        .join(price, price.c.id == subscription.c.price_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(subscription.c.member_id == member_id)
        .order_by(subscription.c.id.desc())
    )
    return tuple(
        ContractLine(
            subscription_id=row.subscription_id,
            plan=row.plan_name,
            price=Money(row.amount_minor, row.currency),
            interval_count=row.interval_count,
            interval_unit=IntervalUnit(row.interval_unit),
            starts_on=row.starts_on,
            ends_on=row.ends_on if row.subscription_ends_on is None else row.subscription_ends_on,
            signed_on=row.signed_on,
            instalments=row.instalments,
            total=None if row.total_minor is None else Money(row.total_minor, row.currency),
            next_invoice_on=row.next_invoice_on,
            law=row.law,
            active=row.state == "active" and row.subscription_state == "active",
        )
        for row in rows
    )


def _money(conn: Connection, organisation_id: int, account_id: int) -> AccountMoney:
    methods = conn.execute(
        select(payment_method.c.label)
        .where(payment_method.c.account_id == account_id, payment_method.c.state == MethodState.ACTIVE.value)
        .order_by(payment_method.c.id)
    ).scalars()
    return AccountMoney(
        invoices=tuple(invoices_of(conn, organisation_id=organisation_id, account_id=account_id, limit=INVOICES_SHOWN)),
        payments=tuple(payments_of(conn, organisation_id=organisation_id, account_id=account_id, limit=PAYMENTS_SHOWN)),
        methods=tuple(methods),
    )
