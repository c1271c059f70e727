"""The access outbox: unnumbered; the sequencer of each gateway turns its rows into numbered feed entries."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Table, Text, false

from portillon_cloud.database.schema import key, metadata, organisation_id, reference

access_outbox = Table(
    "access_outbox",
    metadata,
    key(),
    organisation_id(),
    Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False),
    reference("account_id", "account.id", nullable=True),  # null: every account of the gateway's site, and its rules
    Column("rules_only", Boolean, nullable=False, server_default=false()),  # or the site's rules alone
    CheckConstraint("NOT rules_only OR account_id IS NULL", name="rules_or_account"),
    Index("ix_access_outbox_gateway_id_id", "gateway_id", "id"),
)
