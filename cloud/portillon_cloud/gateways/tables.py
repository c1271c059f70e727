"""Gateways and their feeds: what each must know, in numbered entries, and how far each has confirmed it."""

from portillon_wire.commands import Action
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id, reference


def _gateway_id(*, primary_key: bool = False) -> Column[str]:
    return Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False, primary_key=primary_key)


gateway = Table(
    "gateway",
    metadata,
    Column("id", Text, primary_key=True),
    organisation_id(),
    reference("site_id", "site.id", index=True),
    Column("name", Text, nullable=False),
    Column("mode", Text, nullable=False),  # the organisation's, for ever
    instant("enrolled_at_ms"),
    instant("revoked_at_ms", nullable=True),
    one_of("mode", ("live", "test")),
    Index("ix_gateway_organisation_id", "organisation_id"),
)

# One row per gateway; the lock on it is the claim of its one sequencer. All instants here are real time.
feed_state = Table(
    "feed_state",
    metadata,
    _gateway_id(primary_key=True),
    organisation_id(),
    # What was issued.
    Column("epoch", Big, nullable=False),
    Column("revision", Big, nullable=False),
    Column("root", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sweep_after", Big),  # a look at all accounts is under way and has passed this account id; null: none
    Column(
        "ready", Boolean, nullable=False
    ),  # every account was looked at once; before that no entry, snapshot or lease
    instant("sequenced_at_ms"),  # whose turn is next: the one that waited longest
    instant("retry_at_ms", nullable=True),  # sequencing failed (an alarm says why); not tried again before
    instant("backlog_since_ms", nullable=True),  # changes are waiting to be numbered; null: none after the last turn
    # What was sent, and when to send again what was not confirmed.
    Column("sent_through", Big, nullable=False),
    instant("sent_at_ms", nullable=True),
    Column("resends", Integer, nullable=False),
    instant("resend_due_ms", nullable=True),  # null: nothing to send again, or the gateway is away
    Column("snapshot_wanted_from", Big),  # the lowest revision a snapshot must have; null: none is wanted
    # What the gateway confirmed.
    Column("acked_epoch", Big, nullable=False),
    Column("acked_revision", Big, nullable=False),
    Column("acked_root", Text, nullable=False),
    instant("acked_at_ms", nullable=True),
    Column("acked_lease_counter", Big, nullable=False),
    Column("acked_clock_rev", Big, nullable=False),
    # The lease.
    Column("lease_counter", Big, nullable=False),  # committed before a lease with it is sent
    instant("lease_due_ms"),
    instant("lease_not_before_ms"),  # it was refused a moment ago
    instant("lease_until_ms", nullable=True),  # the latest end of any lease given: no gateway relies on us for longer
    Column("lease_epoch", Big, nullable=False),
    Column("lease_revision", Big, nullable=False),  # of the last lease; -1: a connection that had none yet
    Column("lease_clock_rev", Big, nullable=False),
)

# What the feed says now: the rows themselves, for differences, snapshots and the scrub.
feed_row = Table(
    "feed_row",
    metadata,
    _gateway_id(primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    organisation_id(),
    reference("account_id", "account.id", nullable=True),  # null: a row of the site
    Column("body", LargeBinary, nullable=False),  # canonical
    Column("bucket", Integer, nullable=False),  # of the digest: a thousandth of a table can be read by itself
    Index("ix_feed_row_gateway_id_account_id", "gateway_id", "account_id"),
    Index("ix_feed_row_gateway_id_bucket", "gateway_id", "bucket"),
)

# The newest entries of the running epoch, as they were signed.
feed_entry = Table(
    "feed_entry",
    metadata,
    _gateway_id(primary_key=True),
    Column("epoch", Big, primary_key=True, autoincrement=False),
    Column("revision", Big, primary_key=True, autoincrement=False),
    organisation_id(),
    Column("root", Text, nullable=False),
    Column("token", LargeBinary, nullable=False),
    instant("issued_at_ms"),
)

snapshot = Table(
    "snapshot",
    metadata,
    key(),
    organisation_id(),
    _gateway_id(),
    Column("token", Text, nullable=False, unique=True),  # unguessable; knowing it is the permission to fetch
    Column("epoch", Big, nullable=False),
    Column("revision", Big, nullable=False),
    Column("root", Text, nullable=False),
    Column("rows", Big, nullable=False),
    Column("size", Big, nullable=False),
    Column("sha256", Text, nullable=False),
    instant("made_at_ms"),
    instant("expires_at_ms"),
    Index("ix_snapshot_gateway_id_id", "gateway_id", "id"),
    Index("ix_snapshot_expires_at_ms", "expires_at_ms"),
)

# In pieces, so that neither the database nor a request ever holds one whole.
snapshot_chunk = Table(
    "snapshot_chunk",
    metadata,
    Column("snapshot_id", Big, ForeignKey("snapshot.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    organisation_id(),
    Column("body", LargeBinary, nullable=False),  # CHUNK_BYTES, the last one less
)

gateway_status = Table(
    "gateway_status",
    metadata,
    _gateway_id(primary_key=True),
    organisation_id(),
    Column("online", Boolean, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("connection", Big, nullable=False),
    Column("software", Text, nullable=False),
    instant("changed_at_ms"),
    instant("seen_at_ms", nullable=True),  # the last message that was not a retained one
    Column("reported", JSON),  # the last Reported, as it came
    instant("reported_at_ms", nullable=True),
)

gateway_alarm = Table(
    "gateway_alarm",
    metadata,
    key(),
    organisation_id(),
    _gateway_id(),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("count", Integer, nullable=False),
    instant("first_at_ms"),
    instant("last_at_ms"),
    UniqueConstraint("gateway_id", "kind", "detail", "first_at_ms"),
    Index("ix_gateway_alarm_organisation_id_last_at_ms", "organisation_id", "last_at_ms"),
)

# What staff ordered at this very moment, and what became of it. All instants are real time.
command = Table(
    "command",
    metadata,
    key(),
    organisation_id(),
    _gateway_id(),
    Column("kid", Text, nullable=False),
    Column("counter", Big, nullable=False),
    Column("action", Text, nullable=False),
    Column("door", Text),
    Column("given_by", Text, nullable=False),  # name of the person or API key
    Column("given_by_id", Text, nullable=False),  # as the gateway's journal names them
    instant("issued_at_ms"),
    instant("expires_at_ms"),
    Column("token", LargeBinary, nullable=False),
    instant("published_at_ms", nullable=True),
    Column("outcome", Text),  # the gateway's first answer
    Column("reason", Text),
    instant("answered_at_ms", nullable=True),
    one_of("action", Action),
    one_of("outcome", ("taken", "refused"), nullable=True),
    UniqueConstraint("gateway_id", "kid", "counter"),
    Index(
        "ix_command_waiting",
        "id",
        sqlite_where=text("published_at_ms IS NULL"),
        postgresql_where=text("published_at_ms IS NULL"),
    ),
)
