"""What an audit found, and when it was found no more. Nothing here ever changes: a finding ends by a row of its own."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, Table, Text

from portillon_cloud.database.schema import Big, instant, key, metadata, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

audit_run = Table(
    "audit_run",
    metadata,
    key(),
    organisation_id(),
    instant("ran_at_ms"),  # business time
    Column("checks", Integer, nullable=False),
    Column("found", Integer, nullable=False),
    Index("ix_audit_run_organisation_id", "organisation_id", "id"),
)

audit_finding = Table(
    "audit_finding",
    metadata,
    key(),
    organisation_id(),
    reference("run_id", "audit_run.id", index=True),  # the first that saw it
    Column("code", Text, nullable=False),  # which check
    Column("subject", Text, nullable=False),  # of what: 'invoice 17'
    Column("facts", JSON, nullable=False),  # the numbers that do not agree
    Index("ix_audit_finding_organisation_id", "organisation_id", "id"),
)

finding_over = Table(
    "finding_over",
    metadata,
    Column("finding_id", Big, ForeignKey("audit_finding.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    reference("run_id", "audit_run.id"),  # the first that saw it no more
)

for _table in (audit_run, audit_finding, finding_over):
    never_changes(_table)
