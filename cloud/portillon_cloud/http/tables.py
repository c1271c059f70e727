"""What was asked under a caller's own key, and what was answered."""

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import instant, key, metadata, organisation_id
from portillon_cloud.database.triggers import column_never_changes

# The key itself is kept nowhere: without it nobody can try names against the hash of what was asked.
answered_request = Table(
    "answered_request",
    metadata,
    key(),
    organisation_id(),
    Column("key_hash", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    instant("asked_at_real_ms"),
    Column("answer", Text),  # JSON: ids and amounts; null only before the transaction that asks has ended
    UniqueConstraint("organisation_id", "key_hash"),
    Index("ix_answered_request_organisation_id_asked_at_real_ms", "organisation_id", "asked_at_real_ms"),
)
column_never_changes(answered_request, "content_hash")
