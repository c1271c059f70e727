"""What was asked under a caller's own key, and what was answered."""

from sqlalchemy import Column, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import key, metadata, organisation_id
from portillon_cloud.database.triggers import column_never_changes

# The key itself is kept nowhere: without it nobody can try names against the hash of what was asked.
answered_request = Table(
    "answered_request",
    metadata,
    key(),
    organisation_id(),
    Column("key_hash", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("answer", Text),  # JSON: ids and amounts; null only before the transaction that asks has ended
    UniqueConstraint("organisation_id", "key_hash"),
)
column_never_changes(answered_request, "content_hash")
