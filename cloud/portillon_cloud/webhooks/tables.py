"""Endpoints of other people's programs, what they shall be told, and how far each has been told."""

from enum import StrEnum

from sqlalchemy import JSON, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes
from portillon_cloud.webhooks.catalogue import EventKind


class EndpointState(StrEnum):
    """Whether an endpoint is told. Of all but REMOVED, what happens meanwhile is kept, and told when it is on again."""

    ACTIVE = "active"
    PAUSED = "paused"  # by a person
    FAILING = "failing"  # turned off: it has answered nothing but failure for days
    GONE = "gone"  # turned off: it said 410
    REMOVED = "removed"


class EndpointAct(StrEnum):
    """What a person did with an endpoint."""

    ADDED = "added"
    CHANGED = "changed"
    PAUSED = "paused"
    TURNED_ON = "turned_on"
    NEW_SECRET = "new_secret"  # noqa: S105 - the name of an act
    SENT_AGAIN = "sent_again"
    REMOVED = "removed"


class DeliveryState(StrEnum):
    """Where one event is on its way to one endpoint."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"  # tried for three days, or crowded out: it can be sent again by hand


webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    key(),
    organisation_id(),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("kinds", JSON, nullable=False),  # names of EventKind; empty: all, also those that are added later
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("old_secret_sealed", LargeBinary),  # signs too until its time is over
    instant("old_secret_until_real_ms", nullable=True),
    Column("state", Text, nullable=False),
    instant("made_at_real_ms"),
    Column("made_by", Text, nullable=False),  # name of the person or API key
    # Health, all machine time.
    instant("answered_at_real_ms", nullable=True),  # last time it took an event
    instant("failing_since_real_ms", nullable=True),  # first failure since then
    Column("failures", Integer, nullable=False, server_default="0"),  # since then
    Column("last_error", Text),
    instant("off_at_real_ms", nullable=True),  # since when it is FAILING or GONE
    instant("tell_owners_at_real_ms", nullable=True),  # of that, from then on; null: nothing to tell
    one_of("state", EndpointState),
    Index("ix_webhook_endpoint_organisation", "organisation_id", "id"),
)

# Who did what with which endpoint: its row says only how it is now.
webhook_endpoint_act = never_changes(
    Table(
        "webhook_endpoint_act",
        metadata,
        key(),
        organisation_id(),
        reference("endpoint_id", "webhook_endpoint.id", index=True),
        Column("kind", Text, nullable=False),
        Column("host", Text, nullable=False),  # of the address then: a path may hold a secret of the other program
        Column("done_by", Text, nullable=False),  # name of the person or API key
        instant("at_ms"),  # business time
        one_of("kind", EndpointAct),
    )
)

webhook_event = Table(
    "webhook_event",
    metadata,
    key(),
    organisation_id(),
    Column("kind", Text, nullable=False),
    Column("subject_id", Big, nullable=False),  # whose state it carries: present_state.py says of which table
    instant("at_ms"),  # business time
    one_of("kind", EventKind),
    Index("ix_webhook_event_organisation_id_at_ms", "organisation_id", "at_ms"),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    key(),
    organisation_id(),
    reference("endpoint_id", "webhook_endpoint.id"),
    reference("event_id", "webhook_event.id", index=True),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    instant("retry_at_real_ms"),  # machine time: not sent before; while sending: when the claim runs out
    instant("tried_at_real_ms", nullable=True),
    Column("status", Integer),  # the HTTP status of the last try; null: none came back
    Column("error", Text),
    UniqueConstraint("endpoint_id", "event_id"),
    one_of("state", DeliveryState),
    Index(
        "ix_webhook_delivery_to_send",
        "endpoint_id",
        "retry_at_real_ms",
        sqlite_where=text("state IN ('waiting', 'sending')"),
        postgresql_where=text("state IN ('waiting', 'sending')"),
    ),
)

TO_SEND = text("webhook_delivery.state IN ('waiting', 'sending')")
"""The condition of the partial index, in words that it recognises."""
