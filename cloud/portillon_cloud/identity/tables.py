"""Staff, their sessions, API keys, and failed sign-ins. All instants here are machine time."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from portillon_cloud.database import metadata
from portillon_cloud.identity.roles import Role

_ROLES = ", ".join(f"'{role.value}'" for role in Role)

staff = Table(
    "staff",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("organisation_id", Integer, ForeignKey("organisation.id"), nullable=False),
    Column(
        "email", String(254), nullable=False, unique=True
    ),  # lower case; unique over all: sign-in asks for no organisation
    Column("name", String(200), nullable=False),
    Column("password_hash", String(200), nullable=False),  # argon2id, with its own parameters and salt
    Column("role", String(20), nullable=False),
    Column("language", String(5), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    CheckConstraint(f"role IN ({_ROLES})", name="staff_role"),
    Index("staff_organisation", "organisation_id", "id"),
)

staff_session = Table(
    "staff_session",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("organisation_id", Integer, ForeignKey("organisation.id"), nullable=False),
    Column("staff_id", Integer, ForeignKey("staff.id"), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),  # SHA-256: the database alone lets nobody in
    Column("started_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("ends_ms", BigInteger, nullable=False),
    Index("staff_session_ends", "ends_ms"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("organisation_id", Integer, ForeignKey("organisation.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger, nullable=True),
    CheckConstraint(f"role IN ({_ROLES})", name="api_key_role"),
    Index("api_key_organisation", "organisation_id", "id"),
)

# No organisation here: the e-mail that was tried may be nobody's.
failed_sign_in = Table(
    "failed_sign_in",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("subject", String(300), nullable=False),  # "email:<hash>" or "address:<ip>"
    Column("at_ms", BigInteger, nullable=False),
    Index("failed_sign_in_subject", "subject", "at_ms"),
    Index("failed_sign_in_at", "at_ms"),
)
