"""What the simulated provider remembers: another company's books that live in our database. Nothing joins them."""

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Table, Text

from portillon_cloud.database.schema import Big, amount, instant, key, metadata

sim_card = Table(
    "sim_card",
    metadata,
    Column("token", Text, primary_key=True),
    Column("organisation_id", Big, nullable=False),
    Column("mode", Text, nullable=False, server_default="test"),
    Column("behaviour", Text, nullable=False),
    ForeignKeyConstraint(["organisation_id", "mode"], ["organisation.id", "organisation.mode"]),
    CheckConstraint("mode = 'test'", name="test_only"),
)

sim_charge = Table(
    "sim_charge",
    metadata,
    key(),
    Column("idempotency_key", Text, nullable=False, unique=True),
    Column("fingerprint", Text, nullable=False),  # SHA-256 of what was asked under that key
    Column("token", Text, nullable=False),
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Text),
    instant("made_at_ms"),
    instant("settles_at_ms", nullable=True),  # a debit: when `settles_as` becomes known
    Column("settles_as", Text),
    Column("settles_code", Text),
)

sim_refund = Table(
    "sim_refund",
    metadata,
    key(),
    Column("idempotency_key", Text, nullable=False, unique=True),
    Column("charge_key", Text, nullable=False, index=True),  # sim_charge.idempotency_key
    amount("amount_minor"),
)
