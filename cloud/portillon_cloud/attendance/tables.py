"""The journals of all gateways, each event once, and how far each journal is here without a hole."""

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

IS_DURESS = text("kind = 'alarm' AND reason = 'duress'")
CAME_IN = text("(kind <> 'passage' OR way IS NULL OR way = 'entry')")
"""Leaves out who went out again: both directions are one lane, and a visit is counted once."""

# At most one row per (gateway, journal, sequence): the unique index is what makes delivery effectively once.
journal_event = Table(
    "journal_event",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False),
    Column("journal_id", Text, nullable=False),
    Column("sequence", Big, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("kind", Text, nullable=False),  # plain text: a newer gateway may report what this version does not know
    Column("door", Text),
    Column("reader", Text),
    Column("credential", Text),  # the hash, as the gateway has it
    Column("member", Text),  # whom the gateway took it for: the opaque id of the feed's rows
    Column("reason", Text),
    Column("flags", Text, nullable=False),  # joined by commas
    Column("detail", Text),
    # When: business time for reports, real time for the record; null while nobody can tell (see dating).
    instant("at_ms", nullable=True),
    instant("real_ms", nullable=True),
    Column("quality", Text, nullable=False),  # as the gateway knew it; never changed
    Column("dated_by", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("boot_ns", Big, nullable=False),
    instant("received_at_ms"),
    Column("way", Text),  # entry or exit; null: the door does not tell, and whoever passes comes in
    Column("by", Text),  # who ordered it: a staff id, or the name of an input
    one_of("quality", ("certain", "uncertain", "unknown")),
    one_of("dated_by", ("gateway", "anchor", "nobody")),
    Index("uq_journal_event_key", "gateway_id", "journal_id", "sequence", unique=True),
    Index("ix_journal_event_site_id_at_ms", "site_id", "at_ms"),
    Index("ix_journal_event_organisation_id_member", "organisation_id", "member", "at_ms"),
    # Somebody typed a duress code: looked for on every page for staff.
    Index("ix_journal_event_duress", "organisation_id", "id", sqlite_where=IS_DURESS, postgresql_where=IS_DURESS),
    # What may still be dated from an anchor: few rows, so that a boot's anchor never walks a gateway's whole history.
    Index(
        "ix_journal_event_uncertain",
        "gateway_id",
        "boot_id",
        sqlite_where=text("quality <> 'certain'"),
        postgresql_where=text("quality <> 'certain'"),
    ),
)

journal_progress = Table(
    "journal_progress",
    metadata,
    Column("gateway_id", Text, ForeignKey("gateway.id"), primary_key=True),
    Column("journal_id", Text, primary_key=True),
    organisation_id(),
    Column("through", Big, nullable=False),  # every sequence up to here is stored
    Column("highest", Big, nullable=False),  # the highest stored one; above `through` when a batch overtook another
    Column("ordinal", Big, nullable=False),  # the gateway's first journal is 1: events of a later one came later
    Column("awaited", JSON(none_as_null=True)),  # by sequence the content that batches come after which overtook others
)

# The first certain time of each boot: it dates, afterwards, what the gateway wrote before it knew the time.
boot_anchor = Table(
    "boot_anchor",
    metadata,
    Column("gateway_id", Text, ForeignKey("gateway.id"), primary_key=True),
    Column("boot_id", Text, primary_key=True),
    organisation_id(),
    Column("boot_ns", Big, nullable=False),
    instant("real_ms"),
    instant("business_ms"),
)

# From how many suspicions on a member who shares a pass is refused; no row: never.
sharing_policy = Table(
    "sharing_policy",
    metadata,
    Column("organisation_id", Big, ForeignKey("organisation.id"), primary_key=True),
    Column("refuse_from", Integer, nullable=False),
    CheckConstraint("refuse_from >= 1", name="after_something"),
)

# Who has seen an alarm; the first one counts.
alarm_seen = never_changes(
    Table(
        "alarm_seen",
        metadata,
        key(),
        organisation_id(),
        reference("journal_event_id", "journal_event.id"),
        instant("at_real_ms"),
        Column("seen_by", Text, nullable=False),
        UniqueConstraint("journal_event_id"),
    )
)
