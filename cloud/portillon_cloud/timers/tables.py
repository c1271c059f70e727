"""Timer rows, with two partial indexes so that a claim costs the same with fifty thousand timers waiting."""

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id

timer = Table(
    "timer",
    metadata,
    key(),
    organisation_id(),
    Column("kind", Text, nullable=False),  # which handler
    Column("subject_id", Big, nullable=False),  # what it is about: an intent, a case, a legal entity
    Column("key", Text, nullable=False),  # its purpose: the same purpose is scheduled once, for ever
    instant("due_at_ms"),  # business time
    instant("retry_at_real_ms"),  # machine time before which a failed timer rests; 0 = at once
    Column("state", Text, nullable=False),
    Column("worker", Text),
    instant("lease_until_real_ms", nullable=True),  # machine time
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    UniqueConstraint("organisation_id", "key"),
    one_of("state", ("ready", "running", "done", "failed")),
)

for _state, _columns in (
    ("ready", ("organisation_id", "due_at_ms")),
    ("running", ("organisation_id", "lease_until_real_ms")),
):
    Index(
        f"ix_timer_{_state}",
        *(timer.c[name] for name in _columns),
        sqlite_where=text(f"state = '{_state}'"),
        postgresql_where=text(f"state = '{_state}'"),
    )
