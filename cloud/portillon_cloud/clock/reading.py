"""What time it is for an organisation."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, column, select, table

from portillon_cloud.clock.errors import UnknownOrganisationError
from portillon_cloud.clock.tables import test_clock

_organisation = table("organisation", column("id"), column("mode"))
_CLOCK = (  # built once: nearly everything that happens asks for the time
    select(
        _organisation.c.mode,
        test_clock.c.business_ms,
        test_clock.c.set_at_real_ms,
        test_clock.c.rate,
        test_clock.c.clock_rev,
    )
    .select_from(_organisation.outerjoin(test_clock, test_clock.c.organisation_id == _organisation.c.id))
    .where(_organisation.c.id == bindparam("organisation"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """Business time of one organisation at one real instant. A live one: the real time, clock_rev 0, rate 1."""

    mode: str
    business_ms: int
    clock_rev: int
    rate: int


def read_clock(conn: Connection, organisation_id: int, real_ms: int) -> ClockReading:
    """The organisation's clock at `real_ms`; raises UnknownOrganisationError."""
    row = conn.execute(_CLOCK, {"organisation": organisation_id}).one_or_none()
    if row is None:
        raise UnknownOrganisationError(f"organisation {organisation_id} does not exist")
    if row.clock_rev is None:
        return ClockReading(mode=row.mode, business_ms=real_ms, clock_rev=0, rate=1)
    # A machine clock that went back must not take business time back with it.
    elapsed_ms = max(0, real_ms - row.set_at_real_ms)
    return ClockReading(
        mode=row.mode,
        business_ms=row.business_ms + row.rate * elapsed_ms,
        clock_rev=row.clock_rev,
        rate=row.rate,
    )


def business_now_ms(conn: Connection, organisation_id: int, real_ms: int) -> int:
    """The organisation's business time at `real_ms`; raises UnknownOrganisationError."""
    return read_clock(conn, organisation_id, real_ms).business_ms
