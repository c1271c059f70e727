"""When the audit rings: every night of a live organisation, at half past three on its own wall."""

import datetime

from sqlalchemy import Connection

from portillon_cloud.clock.local import instant_of_ms, local_date
from portillon_cloud.timers import schedule

NIGHTLY_AUDIT = "nightly_audit"
_AT = "03:30"  # after midnight's invoices and charges; no zone's clocks change at that minute


def plan_audit(conn: Connection, *, organisation_id: int, time_zone: str, after_ms: int) -> None:
    """Have the organisation audited in the first night after an instant."""
    day = local_date(after_ms, time_zone)
    if instant_of_ms(f"{day}T{_AT}", time_zone) <= after_ms:
        day += datetime.timedelta(days=1)
    schedule(
        conn,
        organisation_id=organisation_id,
        kind=NIGHTLY_AUDIT,
        subject_id=organisation_id,
        due_at_ms=instant_of_ms(f"{day}T{_AT}", time_zone),
        key=f"{NIGHTLY_AUDIT}:{day}",
    )
