"""Staff, their sessions, API keys, and failed sign-ins. All instants here are machine time."""

from sqlalchemy import Column, Index, Table, Text

from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.identity.roles import Role

staff = Table(
    "staff",
    metadata,
    key(),
    organisation_id(),
    Column("email", Text, nullable=False, unique=True),  # lower case; unique over all: sign-in asks for no organisation
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),  # argon2id, with its own parameters and salt
    Column("role", Text, nullable=False),
    Column("language", Text, nullable=False),
    instant("created_ms"),
    one_of("role", Role),
    Index("ix_staff_organisation", "organisation_id", "id"),
)

staff_session = Table(
    "staff_session",
    metadata,
    key(),
    organisation_id(),
    reference("staff_id", "staff.id", index=True),
    Column("token_hash", Text, nullable=False, unique=True),  # SHA-256: the database alone lets nobody in
    instant("started_ms"),
    instant("seen_ms"),
    instant("ends_ms"),
    Index("ix_staff_session_ends", "ends_ms"),
)

api_key = Table(
    "api_key",
    metadata,
    key(),
    organisation_id(),
    Column("name", Text, nullable=False),
    Column("key_hash", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    instant("created_ms"),
    instant("revoked_ms", nullable=True),
    one_of("role", Role),
    Index("ix_api_key_organisation", "organisation_id", "id"),
)

# No organisation here: the e-mail that was tried may be nobody's.
failed_sign_in = Table(
    "failed_sign_in",
    metadata,
    key(),
    Column("subject", Text, nullable=False),  # "email:<hash>" or "address:<ip>"; strangers.py counts others here
    instant("at_ms"),
    Index("ix_failed_sign_in_subject", "subject", "at_ms"),
    Index("ix_failed_sign_in_at", "at_ms"),
)
