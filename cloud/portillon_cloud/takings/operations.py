"""Record what consumers paid, and what banks took back of it, in the same transaction; close the days that are over."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud import timers
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.members.tables import legal_entity, organisation
from portillon_cloud.takings.chain import ZEROS, Closure, Taking, periods_closed, sealed
from portillon_cloud.takings.tables import taking, taking_chain, taking_closure

CLOSE_TAKINGS = "close_takings"
REGIMES = ("fr",)
"""Tax regimes under which takings are chained: CGI, article 286, I, 3° bis."""

_DAY = datetime.timedelta(days=1)

_PLACE = (
    select(legal_entity.c.tax_regime, organisation.c.time_zone)
    .join(organisation, organisation.c.id == legal_entity.c.organisation_id)
    .where(legal_entity.c.id == bindparam("legal_entity_id"))
)


def record_taking(
    conn: Connection,
    *,
    organisation_id: int,
    legal_entity_id: int,
    account_id: int,
    payment_id: int,
    means: str,
    amount_minor: int,
    currency: str,
    settles: Mapping[int, int],
    now_ms: int,
    return_id: int | None = None,
) -> None:
    """Chain one payment, where the law asks for it. `settles`: invoice id → minor units.

    With `return_id` what a bank took back of it: the amounts are negative.

    It is of today, or of the open day if that is later: clocks of two workers differ around midnight.
    """
    place = conn.execute(_PLACE, {"legal_entity_id": legal_entity_id}).one()
    if place.tax_regime not in REGIMES:
        return
    today = local_date(now_ms, place.time_zone)
    _open_chain(conn, organisation_id, legal_entity_id, today)
    close_until(conn, legal_entity_id, today=today)
    head = _head(conn, legal_entity_id)
    if not _any_of_day(conn, legal_entity_id, head.open_on):
        _plan_closing(conn, organisation_id, legal_entity_id, head.open_on, place.time_zone)
    new = sealed(
        Taking(
            number=head.last_number + 1,
            payment_id=payment_id,
            account_id=account_id,
            taken_on=head.open_on,
            received_at_ms=now_ms,
            means=means,
            amount_minor=amount_minor,
            currency=currency,
            settles=_printed(conn, settles),
            previous_hash=head.last_hash,
            return_id=return_id,
        )
    )
    conn.execute(insert(taking).values(organisation_id=organisation_id, legal_entity_id=legal_entity_id, **asdict(new)))
    _move_head(
        conn,
        legal_entity_id,
        last_number=new.number,
        last_hash=new.hash,
        perpetual_minor=head.perpetual_minor + amount_minor,
    )


def close_until(conn: Connection, legal_entity_id: int, *, today: datetime.date) -> int:
    """Close every day before `today` that is open, with the months and years that end with them; how many closures."""
    head = _head(conn, legal_entity_id)
    day, last = head.open_on, head.closure_hash
    before: int = head.closure_number
    number = before
    while day < today:
        for kind, first_on in periods_closed(day):
            count, total_minor = conn.execute(
                select(func.count(), func.coalesce(func.sum(taking.c.amount_minor), 0)).where(
                    taking.c.legal_entity_id == legal_entity_id, taking.c.taken_on.between(first_on, day)
                )
            ).one()
            closure = sealed(
                Closure(
                    number=number + 1,
                    kind=kind,
                    first_on=first_on,
                    count=count,
                    total_minor=int(total_minor),
                    perpetual_minor=head.perpetual_minor,
                    last_number=head.last_number,
                    last_hash=head.last_hash,
                    previous_hash=last,
                )
            )
            conn.execute(
                insert(taking_closure).values(
                    organisation_id=head.organisation_id, legal_entity_id=legal_entity_id, **asdict(closure)
                )
            )
            number, last = closure.number, closure.hash
        day += _DAY
    if number != before:
        _move_head(conn, legal_entity_id, open_on=day, closure_number=number, closure_hash=last)
    return number - before


def close_when_due(work: timers.Work, claimed: timers.Timer) -> None:
    """The handler of CLOSE_TAKINGS timers: close what is over, and ring again when today is."""
    with work.db.write() as conn:
        timers.hold(conn, claimed, real_ms=work.clock.real_ms())
        zone = conn.execute(
            select(organisation.c.time_zone).where(organisation.c.id == claimed.organisation_id)
        ).scalar_one()
        today = local_date(work.now_ms, zone)
        close_until(conn, claimed.subject_id, today=today)
        _plan_closing(conn, claimed.organisation_id, claimed.subject_id, today, zone)
        timers.finish(conn, claimed)


def _open_chain(conn: Connection, organisation_id: int, legal_entity_id: int, today: datetime.date) -> None:
    upsert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(
        upsert(taking_chain)
        .values(
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            open_on=today,
            last_number=0,
            last_hash=ZEROS,
            perpetual_minor=0,
            closure_number=0,
            closure_hash=ZEROS,
        )
        .on_conflict_do_nothing()
    )


def _head(conn: Connection, legal_entity_id: int) -> Row[Any]:
    """Where the chain stands, locked until this transaction ends."""
    return conn.execute(
        select(taking_chain).where(taking_chain.c.legal_entity_id == legal_entity_id).with_for_update()
    ).one()


def _move_head(conn: Connection, legal_entity_id: int, **values: object) -> None:
    conn.execute(update(taking_chain).where(taking_chain.c.legal_entity_id == legal_entity_id).values(**values))


def _any_of_day(conn: Connection, legal_entity_id: int, day: datetime.date) -> bool:
    found = conn.execute(
        select(taking.c.number).where(taking.c.legal_entity_id == legal_entity_id, taking.c.taken_on == day).limit(1)
    )
    return found.one_or_none() is not None


def _plan_closing(
    conn: Connection, organisation_id: int, legal_entity_id: int, day: datetime.date, time_zone: str
) -> None:
    timers.schedule(
        conn,
        organisation_id=organisation_id,
        kind=CLOSE_TAKINGS,
        subject_id=legal_entity_id,
        due_at_ms=start_of_day_ms(day + _DAY, time_zone),
        key=f"{CLOSE_TAKINGS}:{legal_entity_id}:{day}",
    )


def _printed(conn: Connection, settles: Mapping[int, int]) -> dict[str, int]:
    rows = conn.execute(
        select(invoice.c.id, invoice.c.series, invoice.c.number, invoice.c.issued_on).where(invoice.c.id.in_(settles))
    )
    return {printed(row.series, row.number, row.issued_on): settles[row.id] for row in rows}
