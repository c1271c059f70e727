"""The organisation as every page shows it: its name, its language, and its business clock."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.alarms.operations import unacknowledged
from portillon_cloud.attendance.duress import unseen_alarms
from portillon_cloud.audit.operations import count_open
from portillon_cloud.billing.forecast.stops import count_stops
from portillon_cloud.clock import read_clock
from portillon_cloud.clock.tables import clock_job
from portillon_cloud.members.tables import organisation, site
from portillon_cloud.payments.disputes.list import to_answer
from portillon_cloud.reports.site_view import ClockView


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationView:
    id: int
    name: str
    country: str
    time_zone: str
    clock: ClockView
    unseen_alarms: int  # silent ones
    open_alarms: int  # that nobody has taken note of
    audit_findings: int  # that the last audit of the books saw
    stopped_runs: int  # invoice runs that stopped themselves
    disputes_to_answer: int  # by a person, to the payer's bank
    answer_by_ms: int | None  # the first of those days


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteName:
    id: int
    name: str
    time_zone: str


def organisation_view(conn: Connection, organisation_id: int, real_ms: int) -> OrganisationView:
    """The organisation at `real_ms`."""
    row = conn.execute(select(organisation).where(organisation.c.id == organisation_id)).one()
    disputes_to_answer, answer_by_ms = to_answer(conn, organisation_id)
    return OrganisationView(
        id=row.id,
        name=row.name,
        country=row.country,
        time_zone=row.time_zone,
        clock=clock_view(conn, organisation_id, real_ms),
        unseen_alarms=unseen_alarms(conn, organisation_id),
        open_alarms=unacknowledged(conn, organisation_id),
        audit_findings=count_open(conn, organisation_id),
        stopped_runs=count_stops(conn, organisation_id),
        disputes_to_answer=disputes_to_answer,
        answer_by_ms=answer_by_ms,
    )


def clock_view(conn: Connection, organisation_id: int, real_ms: int) -> ClockView:
    """The business clock and, in a test organisation, the last turn of it while that is under way or has failed."""
    reading = read_clock(conn, organisation_id, real_ms)
    if reading.mode != "test":
        return ClockView(test=False, business_ms=reading.business_ms)
    job = conn.execute(
        select(clock_job.c.state, clock_job.c.target_ms, clock_job.c.error)
        .where(clock_job.c.organisation_id == organisation_id)
        .order_by(clock_job.c.id.desc())
        .limit(1)
    ).one_or_none()
    return ClockView(
        test=True,
        business_ms=reading.business_ms,
        rate=reading.rate,
        advancing_to_ms=job.target_ms if job is not None and job.state == "running" else None,
        problem=job.error if job is not None and job.state == "failed" else None,
    )


def sites_of(conn: Connection, organisation_id: int) -> list[SiteName]:
    """Every site of the organisation, in the order in which they were made."""
    rows = conn.execute(
        select(site.c.id, site.c.name, site.c.time_zone)
        .where(site.c.organisation_id == organisation_id)
        .order_by(site.c.id)
    )
    return [SiteName(id=row.id, name=row.name, time_zone=row.time_zone) for row in rows]
