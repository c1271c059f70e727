"""What a provider told: that something happened, to what, and if it was acted on. No content is kept: none is used.

The content of a webhook is the payer's name, address and card; what follows from it is read from the provider anew.
"""

from enum import StrEnum

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id
from portillon_cloud.payments.inbox.news import Topic


class EventState(StrEnum):
    """Waiting: for its turn, or the next try. Ignored: nothing follows from it. Parked: a person must look."""

    WAITING = "waiting"
    DONE = "done"
    IGNORED = "ignored"
    PARKED = "parked"


inbox_event = Table(
    "inbox_event",
    metadata,
    key(),
    organisation_id(),
    Column("provider", Text, nullable=False),
    Column("event_id", Text, nullable=False),  # the provider's: told twice it is one
    Column("kind", Text, nullable=False),  # in the provider's word
    Column("topic", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("created_s", Big, nullable=False),  # by the provider's clock
    instant("received_at_real_ms"),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    instant("retry_at_real_ms"),
    Column("error", Text),
    one_of("topic", Topic),
    one_of("state", EventState),
    UniqueConstraint("organisation_id", "provider", "event_id"),
    Index("ix_inbox_event_object", "organisation_id", "provider", "object_id"),
    Index("ix_inbox_event_created", "organisation_id", "created_s"),
    Index(
        "ix_inbox_event_waiting",
        "retry_at_real_ms",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_inbox_event_parked",
        "organisation_id",
        sqlite_where=text("state = 'parked'"),
        postgresql_where=text("state = 'parked'"),
    ),
)

# Whose events are listed by and by, so that webhooks that never came are found.
inbox_source = Table(
    "inbox_source",
    metadata,
    key(),
    organisation_id(),
    Column("provider", Text, nullable=False),
    Column("heard_until_s", Big, nullable=False),  # by the provider's clock: everything before is here
    instant("sweep_at_real_ms"),
    Column("error", Text),  # of the last sweep; null: it went well
    UniqueConstraint("organisation_id", "provider"),
    Index("ix_inbox_source_sweep_at", "sweep_at_real_ms"),
)
