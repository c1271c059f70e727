"""The test clock and the job that advances it. Only a test organisation can have rows here: the foreign key says so."""

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, Table, Text, text

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of


def _test_organisation_only() -> tuple[ForeignKeyConstraint, CheckConstraint]:
    # organisation (id, mode) is unique: a row that says 'test' can only point at an organisation that is.
    return (
        ForeignKeyConstraint(["organisation_id", "mode"], ["organisation.id", "organisation.mode"]),
        CheckConstraint("mode = 'test'", name="test_only"),
    )


test_clock = Table(
    "test_clock",
    metadata,
    Column("organisation_id", Big, primary_key=True, autoincrement=False),
    Column("mode", Text, nullable=False, server_default="test"),
    instant("business_ms"),  # business time at the real instant set_at_real_ms
    instant("set_at_real_ms"),
    Column("rate", Integer, nullable=False),  # 0: stands still, 1: runs
    Column("clock_rev", Big, nullable=False),  # rises each time the clock is turned
    *_test_organisation_only(),
    CheckConstraint("rate IN (0, 1)", name="rate_known"),
)

clock_job = Table(
    "clock_job",
    metadata,
    key(),
    Column("organisation_id", Big, nullable=False),
    Column("mode", Text, nullable=False, server_default="test"),
    instant("target_ms"),
    Column("rate_after", Integer, nullable=False),  # the rate to restore when the target is reached
    Column("state", Text, nullable=False),
    Column("steps", Integer, nullable=False, server_default="0"),
    Column("error", Text),  # what holds the job up, while it does
    *_test_organisation_only(),
    one_of("state", ("running", "done")),
    # At most one advance at a time per organisation.
    Index(
        "uq_clock_job_running",
        "organisation_id",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)
