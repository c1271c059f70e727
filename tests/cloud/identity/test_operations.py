"""Sign-in, sessions and API keys, on both engines."""

from unittest.mock import patch

import pytest
from portillon_cloud.database import Database
from portillon_cloud.errors import ConflictError
from portillon_cloud.identity import operations, throttle
from portillon_cloud.identity.errors import SignInRefused, SignInThrottled, WeakPassword
from portillon_cloud.identity.roles import Role
from portillon_cloud.identity.tables import api_key, failed_sign_in, staff, staff_session
from portillon_cloud.members.operations import create_organisation
from sqlalchemy import func, insert, select

NOW_MS = 1_767_225_600_000
PASSWORD = "correct horse battery"


@pytest.fixture
def organisation_id(db: Database) -> int:
    with db.write() as conn:
        made = create_organisation(
            conn, mode="live", name="Vélo", country="CA", language="fr", time_zone="America/Toronto", real_ms=NOW_MS
        )
        operations.add_staff(
            conn,
            organisation_id=made,
            email="Desk@Example.org ",
            name="Camille",
            password=PASSWORD,
            role=Role.DESK,
            language="fr",
            now_ms=NOW_MS,
        )
    return made


def sign_in(db, *, email="desk@example.org", password=PASSWORD, address="10.0.0.1", now_ms=NOW_MS):
    return operations.sign_in(db, email=email, password=password, address=address, now_ms=now_ms)


def test_the_right_password_gives_a_session(db, organisation_id):
    """Whoever signs in is known by the session from then on, however the e-mail was typed."""
    token = sign_in(db, email="  DESK@example.ORG")
    who = operations.who_is_signed_in(db, token, now_ms=NOW_MS)
    assert who is not None
    assert (who.name, who.role, who.organisation_id, who.language) == ("Camille", Role.DESK, organisation_id, "fr")


@pytest.mark.usefixtures("organisation_id")
@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("desk@example.org", "wrong"),
        ("nobody@example.org", PASSWORD),
        ("", ""),
        ("desk@example.org", "x" * 5000),
        ("desk@example.org' OR '1'='1", PASSWORD),
    ],
)
def test_a_wrong_pair_is_refused_in_one_way(db, email, password):
    """The refusal does not tell whether the e-mail is known."""
    with pytest.raises(SignInRefused, match=r"^The e-mail or the password is wrong\.$"):
        sign_in(db, email=email, password=password)


@pytest.mark.usefixtures("organisation_id")
def test_an_unknown_email_costs_one_hashing_too(db):
    """The time an answer takes does not tell whether the e-mail is known."""
    with patch.object(operations, "password_matches", return_value=False) as hashing, pytest.raises(SignInRefused):
        sign_in(db, email="nobody@example.org")
    hashing.assert_called_once_with(PASSWORD, None)


def fail(db, times, *, email="desk@example.org", address="10.0.0.1", now_ms=NOW_MS):
    for _ in range(times):
        with patch.object(operations, "password_matches", return_value=False), pytest.raises(SignInRefused):
            sign_in(db, email=email, password="wrong", address=address, now_ms=now_ms)


@pytest.mark.usefixtures("organisation_id")
def test_guessing_is_slowed_down_and_the_wait_ends(db):
    """After a few failures even the right password must wait, from any address; then it works and wipes the slate."""
    fail(db, throttle.FREE_FAILURES_PER_EMAIL + 1)
    with pytest.raises(SignInThrottled) as caught:
        sign_in(db, address="10.9.9.9")
    later = NOW_MS + caught.value.retry_after_ms
    assert sign_in(db, now_ms=later)
    fail(db, 1, now_ms=later)
    assert sign_in(db, now_ms=later)


@pytest.mark.usefixtures("organisation_id")
def test_without_the_throttle_guessing_is_not_slowed_down(db):
    """Ablation: the wait comes from the throttle and from nothing else."""
    with patch.object(throttle, "wait_ms", return_value=0):
        fail(db, throttle.FREE_FAILURES_PER_EMAIL + 5)
        assert sign_in(db)


@pytest.mark.usefixtures("organisation_id")
def test_one_address_cannot_try_everybody(db):
    """Many e-mails from one address are slowed down as well."""
    for number in range(throttle.FREE_FAILURES_PER_ADDRESS + 1):
        fail(db, 1, email=f"guess{number}@example.org")
    with pytest.raises(SignInThrottled):
        sign_in(db)
    assert sign_in(db, address="10.0.0.2")


@pytest.mark.usefixtures("organisation_id")
def test_failures_do_not_pile_up(db):
    """Old failures leave the table, and no e-mail rests in it in clear."""
    fail(db, 3)
    fail(db, 1, now_ms=NOW_MS + throttle.WINDOW_MS + 1)
    with db.read() as conn:
        subjects = conn.scalars(select(failed_sign_in.c.subject)).all()
    assert len(subjects) == 2
    assert not any("desk" in subject for subject in subjects)


@pytest.mark.usefixtures("organisation_id")
def test_a_session_ends(db):
    """By signing out, after idling, and at its end whatever happens."""
    token = sign_in(db)
    idle = NOW_MS + operations.SESSION_IDLE_MS
    assert operations.who_is_signed_in(db, token, now_ms=idle - 1)
    assert operations.who_is_signed_in(db, token, now_ms=idle + 1), "being there moved the end of idling"
    assert operations.who_is_signed_in(db, token, now_ms=NOW_MS + operations.SESSION_LONGEST_MS) is None
    with db.write() as conn:
        operations.sign_out(conn, token)
    assert operations.who_is_signed_in(db, token, now_ms=NOW_MS) is None


@pytest.mark.usefixtures("organisation_id")
def test_a_page_that_only_waits_keeps_no_session_alive(db):
    """An open live page does not count as being there."""
    token = sign_in(db)
    assert operations.who_is_signed_in(db, token, now_ms=NOW_MS + operations.SESSION_IDLE_MS - 1, seen=False)
    assert operations.who_is_signed_in(db, token, now_ms=NOW_MS + operations.SESSION_IDLE_MS) is None


def test_a_new_password_ends_every_session(db, organisation_id):
    """Whoever had the old password is out."""
    token = sign_in(db)
    with db.write() as conn:
        staff_id = conn.scalar(select(staff.c.id).where(staff.c.organisation_id == organisation_id))
        operations.set_password(conn, staff_id, "another good password")
    assert operations.who_is_signed_in(db, token, now_ms=NOW_MS) is None
    assert sign_in(db, password="another good password")


def test_an_email_is_used_once(db, organisation_id):
    """Two people never share a way in."""
    with db.write() as conn, pytest.raises(ConflictError):
        operations.add_staff(
            conn, organisation_id=organisation_id, email="DESK@example.org", name="x", password=PASSWORD,
            role=Role.OWNER, language="en", now_ms=NOW_MS,
        )  # fmt: skip


@pytest.mark.parametrize("password", ["", "short", "x" * 2000])
def test_weak_passwords_are_refused(db, organisation_id, password):
    """Too short to resist, or too long to hash."""
    with db.write() as conn, pytest.raises(WeakPassword):
        operations.add_staff(
            conn, organisation_id=organisation_id, email="new@example.org", name="x", password=password,
            role=Role.OWNER, language="en", now_ms=NOW_MS,
        )  # fmt: skip


def test_an_api_key_works_until_revoked(db, organisation_id):
    """A key speaks for its organisation with its role, and stops at once when revoked."""
    with db.write() as conn:
        key = operations.create_api_key(
            conn, organisation_id=organisation_id, name="till", role=Role.DESK, now_ms=NOW_MS
        )
    found = operations.who_has_key(db, key)
    assert found is not None
    assert (found.role, found.organisation_id) == (Role.DESK, organisation_id)
    with db.write() as conn:
        assert not operations.revoke_api_key(
            conn, organisation_id=organisation_id + 1, api_key_id=found.id, now_ms=NOW_MS
        ), "another organisation's key is not theirs to revoke"
        assert operations.revoke_api_key(conn, organisation_id=organisation_id, api_key_id=found.id, now_ms=NOW_MS)
    assert operations.who_has_key(db, key) is None


def test_the_database_alone_lets_nobody_in(db, organisation_id):
    """Neither a session's token nor a key nor a password rests in the database."""
    token = sign_in(db)
    with db.write() as conn:
        key = operations.create_api_key(conn, organisation_id=organisation_id, name="k", role=Role.DESK, now_ms=NOW_MS)
        stored = [
            str(tuple(row)) for table in (staff, staff_session, api_key) for row in conn.execute(select(table)).all()
        ]
    for secret in (token, key, PASSWORD):
        assert not any(secret in row for row in stored)
    assert any("$argon2id$v=19$m=65536,t=3,p=4$" in row for row in stored)


def test_the_database_knows_the_roles(db, organisation_id):
    """A role nobody knows cannot be stored."""
    with pytest.raises(Exception, match="role_known"), db.write() as conn:
        conn.execute(
            insert(api_key).values(
                organisation_id=organisation_id, name="k", key_hash="h", role="admin", created_ms=NOW_MS
            )
        )
    with db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(api_key)) == 0
