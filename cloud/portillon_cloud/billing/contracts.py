"""Sign a contract and begin its subscription, if the law of the place allows these terms."""

import datetime
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.billing import event_store
from portillon_cloud.billing.calendar import add_months, first_boundary_from
from portillon_cloud.billing.catalogue import Price, price_by_id
from portillon_cloud.billing.errors import CatalogueError, UnlawfulContractError
from portillon_cloud.billing.law import LAWS, VERSIONS, Terms
from portillon_cloud.billing.planning import plan_invoice_run, plan_recognition
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Decided
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.billing.tax import rates_on, tax
from portillon_cloud.billing.timeline import Ended, Event, Started, Tariff
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import legal_entity, organisation
from portillon_cloud.outbox import account_changed
from portillon_cloud.visits.from_plans import keep_plan_visits


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What was made."""

    contract_id: int
    subscription_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    law: str
    tax_regime: str
    time_zone: str


def subscribe(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    member_id: int,
    price_id: int,
    starts_on: datetime.date,
    now_ms: int,
    renews: bool = False,
    billed_from_on: datetime.date | None = None,
    at_distance: bool = False,
) -> Subscribed:
    """Sign for a member from `starts_on`; raises UnlawfulContractError with every rule broken.

    `billed_from_on`: periods that begin before it were billed elsewhere (an import of running contracts).
    `at_distance`: signed online or by telephone, so that the consumer may withdraw where the law says so.
    """
    price = price_by_id(conn, organisation_id, price_id)
    place = _place(conn, organisation_id, price.legal_entity_id)
    signed_on = min(local_date(now_ms, place.time_zone), starts_on)
    ends_on = None if price.term_months is None else add_months(starts_on, price.term_months)
    instalments = _instalments(price, place, starts_on)
    _require_lawful(
        place.law,
        Terms(
            signed_on=signed_on,
            starts_on=starts_on,
            ends_on=ends_on,
            renews=renews,
            instalments_minor=instalments,
            first_payment_on=starts_on,
            tax_inclusive=price.tax_inclusive,
        ),
    )
    first_on = first_boundary_from(starts_on, price.interval, billed_from_on or starts_on)
    if ends_on is not None and first_on >= ends_on:
        raise CatalogueError(
            f"the contract from {starts_on} ends on {ends_on}, before anything is billed from {billed_from_on}; "
            "check its start, or leave it out"
        )
    contract_id = insert_one(
        conn,
        contract,
        organisation_id=organisation_id,
        account_id=account_id,
        law=place.law,
        law_version=VERSIONS[place.law],
        signed_on=signed_on,
        starts_on=starts_on,
        ends_on=ends_on,
        renews=renews,
        at_distance=at_distance,
        total_minor=None if ends_on is None else price.amount_minor * len(instalments),
        instalments=None if ends_on is None else len(instalments),
        state="active",
    )
    subscription_id = insert_one(
        conn,
        subscription,
        organisation_id=organisation_id,
        legal_entity_id=price.legal_entity_id,
        account_id=account_id,
        member_id=member_id,
        contract_id=contract_id,
        price_id=price_id,
        component="membership",
        anchor_on=starts_on,
        next_invoice_on=first_on,
        ends_on=ends_on,
        state="active",
    )
    event_store.record(
        conn,
        organisation_id=organisation_id,
        subscription_id=subscription_id,
        decided=Decided(record=_first_events(price, starts_on, first_on, ends_on)),
        author=event_store.Author(name="contract", at_ms=now_ms),
    )
    plan_invoice_run(
        conn,
        organisation_id=organisation_id,
        legal_entity_id=price.legal_entity_id,
        due_on=first_on,
        time_zone=place.time_zone,
        because=f"s{subscription_id}",
    )
    plan_recognition(
        conn,
        organisation_id=organisation_id,
        legal_entity_id=price.legal_entity_id,
        month=first_on,
        time_zone=place.time_zone,
    )
    keep_plan_visits(conn, organisation_id, [account_id], now_ms)
    account_changed(conn, organisation_id, account_id)
    return Subscribed(contract_id, subscription_id)


def _first_events(
    price: Price, starts_on: datetime.date, first_on: datetime.date, ends_on: datetime.date | None
) -> tuple[Event, ...]:
    """What the contract itself says: its start and, of a fixed term, its end."""
    tariff = Tariff(price_id=price.id, unit_minor=price.amount_minor, interval=price.interval)
    elsewhere = first_on > starts_on
    start = Started(
        at=Moment(starts_on),
        tariff=tariff,
        anchor_on=starts_on,
        charged_from=Moment(first_on) if elsewhere else None,
        paid_elsewhere=elsewhere,
    )
    return (start,) if ends_on is None else (start, Ended(at=Moment(ends_on), of_term=True))


def _instalments(price: Price, place: _Place, starts_on: datetime.date) -> tuple[int, ...]:
    """The payments of the term with tax; of an open-ended contract the first."""
    count = 1 if price.term_months is None else price.term_months // price.interval.count
    rates = rates_on(place.tax_regime, starts_on, price.tax_category)
    each = tax((price.amount_minor,), (price.taxable,), inclusive=price.tax_inclusive, rates=rates).total_minor
    return (each,) * count


def _require_lawful(law: str, terms: Terms) -> None:
    violations = LAWS[law].violations(terms)
    if violations:
        raise UnlawfulContractError(violations)


def _place(conn: Connection, organisation_id: int, legal_entity_id: int) -> _Place:
    row = conn.execute(
        select(organisation.c.country, organisation.c.province, organisation.c.time_zone, legal_entity.c.tax_regime)
        .join(legal_entity, legal_entity.c.organisation_id == organisation.c.id)
        .where(organisation.c.id == organisation_id, legal_entity.c.id == legal_entity_id)
    ).one()
    law = {("CA", "QC"): "ca-qc"}.get((row.country, row.province), "fr" if row.country == "FR" else "none")
    return _Place(law=law, tax_regime=row.tax_regime, time_zone=row.time_zone)
