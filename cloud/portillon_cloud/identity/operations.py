"""Sign in, sign out, who is this, add staff, make and revoke API keys. Instants are machine time."""

from sqlalchemy import Connection, insert, select, update

from portillon_cloud.database import Database
from portillon_cloud.identity import store, throttle
from portillon_cloud.identity.errors import SignInRefused, SignInThrottled, StaffExists
from portillon_cloud.identity.passwords import hash_password, needs_rehash, password_matches
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Role
from portillon_cloud.identity.tables import api_key, staff, staff_session
from portillon_cloud.identity.tokens import new_api_key, new_session_token, token_hash

SESSION_LONGEST_MS = 7 * 24 * 3600 * 1000
SESSION_IDLE_MS = 12 * 3600 * 1000
SEEN_STEP_MS = 60 * 1000  # last-seen is written at most once a minute: reading a page is not a write
_FAILURES_READ = 64


def add_staff(
    conn: Connection,
    *,
    organisation_id: int,
    email: str,
    name: str,
    password: str,
    role: Role,
    language: str,
    now_ms: int,
) -> int:
    """The new person's id. Raises StaffExists, WeakPassword."""
    lower = _canonical(email)
    if conn.scalar(select(staff.c.id).where(staff.c.email == lower)) is not None:
        raise StaffExists(f"{lower} is already on the staff of a gym here; use another e-mail.")
    new_id = conn.execute(
        insert(staff)
        .values(
            organisation_id=organisation_id,
            email=lower,
            name=name,
            password_hash=hash_password(password),
            role=role.value,
            language=language,
            created_ms=now_ms,
        )
        .returning(staff.c.id)
    ).scalar_one()
    return int(new_id)


def sign_in(db: Database, *, email: str, password: str, address: str, now_ms: int) -> str:
    """A new session's token. Raises SignInRefused, SignInThrottled. No transaction is open while argon2 works."""
    lower = _canonical(email)
    # The subject is hashed: a password typed into the e-mail field must not rest here in clear.
    by_email, by_address = f"email:{token_hash(lower)}", f"address:{address}"
    with db.read() as conn:
        found = store.staff_by_email(conn, lower)
        wait_ms = max(
            throttle.wait_ms(
                store.failures(conn, subject, since_ms=now_ms - throttle.WINDOW_MS, limit=_FAILURES_READ),
                free_failures=free,
                now_ms=now_ms,
            )
            for subject, free in (
                (by_email, throttle.FREE_FAILURES_PER_EMAIL),
                (by_address, throttle.FREE_FAILURES_PER_ADDRESS),
            )
        )
    if wait_ms:
        raise SignInThrottled(retry_after_ms=wait_ms)
    if not password_matches(password, found[2] if found else None) or found is None:
        with db.write() as conn:
            store.insert_failure(
                conn, (by_email, by_address), now_ms=now_ms, forget_before_ms=now_ms - throttle.WINDOW_MS
            )
        raise SignInRefused
    staff_id, organisation_id, stored = found
    rehashed = hash_password(password) if needs_rehash(stored) else stored
    token = new_session_token()
    with db.write() as conn:
        store.delete_failures(conn, by_email)
        store.delete_sessions_over(conn, now_ms=now_ms, idle_ms=SESSION_IDLE_MS)
        if rehashed != stored:
            conn.execute(update(staff).where(staff.c.id == staff_id).values(password_hash=rehashed))
        store.insert_session(
            conn,
            organisation_id=organisation_id,
            staff_id=staff_id,
            hashed=token_hash(token),
            now_ms=now_ms,
            ends_ms=now_ms + SESSION_LONGEST_MS,
        )
    return token


def who_is_signed_in(db: Database, token: str, *, now_ms: int, seen: bool = True) -> Principal | None:
    """The person behind a session token, or None. `seen` notes that they were here: a page that only waits does not."""
    hashed = token_hash(token)
    with db.read() as conn:
        found = store.staff_of_session(conn, hashed, now_ms=now_ms, idle_ms=SESSION_IDLE_MS)
    if found is None:
        return None
    who, seen_ms = found
    if seen and now_ms - seen_ms > SEEN_STEP_MS:
        with db.write() as conn:
            store.touch_session(conn, hashed, now_ms)
    return who


def sign_out(conn: Connection, token: str) -> None:
    """End one session."""
    store.delete_session(conn, token_hash(token))


def set_language(conn: Connection, staff_id: int, language: str) -> None:
    """The language this person reads from now on."""
    conn.execute(update(staff).where(staff.c.id == staff_id).values(language=language))


def set_password(conn: Connection, staff_id: int, password: str) -> None:
    """A new password; every session of that person ends. Raises WeakPassword."""
    conn.execute(update(staff).where(staff.c.id == staff_id).values(password_hash=hash_password(password)))
    conn.execute(staff_session.delete().where(staff_session.c.staff_id == staff_id))


def create_api_key(conn: Connection, *, organisation_id: int, name: str, role: Role, now_ms: int) -> str:
    """A new key, shown this once; only its hash is kept."""
    key = new_api_key()
    conn.execute(
        insert(api_key).values(
            organisation_id=organisation_id, name=name, key_hash=token_hash(key), role=role.value, created_ms=now_ms
        )
    )
    return key


def revoke_api_key(conn: Connection, *, organisation_id: int, api_key_id: int, now_ms: int) -> bool:
    """Whether there was such a key in force; it is refused from now on."""
    result = conn.execute(
        update(api_key)
        .where(
            api_key.c.id == api_key_id,
            api_key.c.organisation_id == organisation_id,
            api_key.c.revoked_ms.is_(None),
        )
        .values(revoked_ms=now_ms)
    )
    return bool(result.rowcount)


def who_has_key(db: Database, key: str) -> Principal | None:
    """The program behind an API key, or None."""
    with db.read() as conn:
        return store.principal_of_api_key(conn, token_hash(key))


def _canonical(email: str) -> str:
    return email.strip().lower()
