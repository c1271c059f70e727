"""The SQL of identity. Plain functions over a connection; the caller owns the transaction."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select, update

from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.identity.tables import api_key, failed_sign_in, staff, staff_session

ID_DIGITS_MAX = 18  # what surely fits into 64 bits


def staff_by_email(conn: Connection, email: str) -> tuple[int, int, str] | None:
    """(id, organisation, password hash) of the one with this lower-case e-mail."""
    row = conn.execute(
        select(staff.c.id, staff.c.organisation_id, staff.c.password_hash).where(staff.c.email == email)
    ).one_or_none()
    return None if row is None else (row.id, row.organisation_id, row.password_hash)


def insert_session(
    conn: Connection, *, organisation_id: int, staff_id: int, hashed: str, now_ms: int, ends_ms: int
) -> None:
    """Keep a new session."""
    conn.execute(
        insert(staff_session).values(
            organisation_id=organisation_id,
            staff_id=staff_id,
            token_hash=hashed,
            started_ms=now_ms,
            seen_ms=now_ms,
            ends_ms=ends_ms,
        )
    )


def staff_of_session(conn: Connection, hashed: str, *, now_ms: int, idle_ms: int) -> tuple[Principal, int] | None:
    """(who, last seen) for a session that is neither over nor idle for too long."""
    row = conn.execute(
        select(staff, staff_session.c.seen_ms)
        .join(staff_session, staff_session.c.staff_id == staff.c.id)
        .where(
            staff_session.c.token_hash == hashed,
            staff_session.c.ends_ms > now_ms,
            staff_session.c.seen_ms > now_ms - idle_ms,
        )
    ).one_or_none()
    if row is None:
        return None
    who = Principal(
        kind=PrincipalKind.STAFF,
        id=row.id,
        organisation_id=row.organisation_id,
        name=row.name,
        role=Role(row.role),
        language=row.language,
    )
    return who, row.seen_ms


def touch_session(conn: Connection, hashed: str, now_ms: int) -> None:
    """Move the session's last-seen instant."""
    conn.execute(update(staff_session).where(staff_session.c.token_hash == hashed).values(seen_ms=now_ms))


def delete_session(conn: Connection, hashed: str) -> None:
    """Forget one session."""
    conn.execute(delete(staff_session).where(staff_session.c.token_hash == hashed))


def delete_sessions_over(conn: Connection, *, now_ms: int, idle_ms: int) -> None:
    """Forget sessions that can no longer be used."""
    conn.execute(
        delete(staff_session).where((staff_session.c.ends_ms <= now_ms) | (staff_session.c.seen_ms <= now_ms - idle_ms))
    )


def principal_of_api_key(conn: Connection, hashed: str) -> Principal | None:
    """The program behind a key that is not revoked."""
    row = conn.execute(
        select(api_key).where(api_key.c.key_hash == hashed, api_key.c.revoked_ms.is_(None))
    ).one_or_none()
    if row is None:
        return None
    return Principal(
        kind=PrincipalKind.API_KEY,
        id=row.id,
        organisation_id=row.organisation_id,
        name=row.name,
        role=Role(row.role),
        language="en",
    )


def failures(conn: Connection, subject: str, *, since_ms: int, limit: int) -> list[int]:
    """The latest failures of a subject, oldest first, at most `limit`."""
    rows = conn.scalars(
        select(failed_sign_in.c.at_ms)
        .where(failed_sign_in.c.subject == subject, failed_sign_in.c.at_ms > since_ms)
        .order_by(failed_sign_in.c.at_ms.desc())
        .limit(limit)
    )
    return sorted(rows)


def insert_failure(conn: Connection, subjects: tuple[str, ...], *, now_ms: int, forget_before_ms: int) -> None:
    """Count one failure for each subject and drop those too old to matter."""
    conn.execute(delete(failed_sign_in).where(failed_sign_in.c.at_ms <= forget_before_ms))
    conn.execute(insert(failed_sign_in), [{"subject": subject, "at_ms": now_ms} for subject in subjects])


def delete_failures(conn: Connection, subject: str) -> None:
    """A right password forgives what came before it."""
    conn.execute(delete(failed_sign_in).where(failed_sign_in.c.subject == subject))


def names_of(conn: Connection, organisation_id: int, staff_ids: Iterable[str]) -> dict[str, str]:
    """The names behind `Principal.staff_id`s of this organisation; what names nobody here is left out."""
    names: dict[str, str] = {}
    wanted = set(staff_ids)
    for kind, table in ((PrincipalKind.STAFF, staff), (PrincipalKind.API_KEY, api_key)):
        prefix = f"{kind}:"
        ids = [one.removeprefix(prefix) for one in wanted if one.startswith(prefix)]
        known = [int(one) for one in ids if one.isdecimal() and len(one) <= ID_DIGITS_MAX]
        rows = conn.execute(
            select(table.c.id, table.c.name).where(table.c.organisation_id == organisation_id, table.c.id.in_(known))
        )
        names.update({f"{prefix}{row.id}": row.name for row in rows})
    return names
