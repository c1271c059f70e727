"""Each time an alarm was raised, what ended it, and who took note."""

from portillon_wire.alarm_classes import Alarm
from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

IS_OPEN = text("(acknowledged_id IS NULL OR (ended_position IS NULL AND closed_id IS NULL))")
"""Nobody took note of it, or it still stands."""

# What a person said of an alarm: it was seen, and perhaps that it is over. One word may settle many occurrences.
alarm_acknowledgement = never_changes(
    Table(
        "alarm_acknowledgement",
        metadata,
        key(),
        organisation_id(),
        instant("at_real_ms", nullable=True),  # null: said at a gateway that did not know the time
        Column("given_by", Text, nullable=False),  # name of the person or API key; of one on site the user there
        Column("given_by_id", Text, nullable=False),
        Column("note", Text, nullable=False),
        Column("is_over", Boolean, nullable=False),
    )
)

# One row per raising event. Its content is the journal's; a position is the journal's ordinal and the sequence in it.
alarm = Table(
    "alarm",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False),
    Column("journal_id", Text, nullable=False),
    Column("sequence", Big, nullable=False),
    Column("position", Big, nullable=False),
    Column("alarm", Text, nullable=False),
    Column("subject", Text, nullable=False),
    # The first event after it that ends it; a momentary one ends itself. Null: it stands.
    Column("ended_position", Big),
    Column("ended_journal_id", Text),
    Column("ended_sequence", Big),
    reference("acknowledged_id", "alarm_acknowledgement.id", nullable=True),
    reference("closed_id", "alarm_acknowledgement.id", nullable=True),  # a person said that it is over
    one_of("alarm", Alarm),
    UniqueConstraint("gateway_id", "journal_id", "sequence"),
    Index("ix_alarm_subject", "gateway_id", "alarm", "subject", "position"),
    Index("ix_alarm_open", "organisation_id", "id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
    Index("ix_alarm_organisation_id_id", "organisation_id", "id"),
)

# Every event that ends an alarm, for a raising event that comes after it although it happened before.
alarm_end = Table(
    "alarm_end",
    metadata,
    key(),
    organisation_id(),
    Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False),
    Column("alarm", Text, nullable=False),
    Column("subject", Text),  # null: every subject of the gateway
    Column("journal_id", Text, nullable=False),
    Column("sequence", Big, nullable=False),
    Column("position", Big, nullable=False),
    UniqueConstraint("gateway_id", "alarm", "subject", "journal_id", "sequence"),
    Index("ix_alarm_end_position", "gateway_id", "alarm", "position"),
)

# Every word said at a gateway, for a raising event that comes after it although it happened before.
alarm_seen_on_site = Table(
    "alarm_seen_on_site",
    metadata,
    key(),
    organisation_id(),
    Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False),
    Column("alarm", Text),  # null: whatever the gateway had raised so far
    Column("door", Text),  # null: wherever
    Column("journal_id", Text, nullable=False),
    Column("sequence", Big, nullable=False),
    Column("position", Big, nullable=False),
    reference("acknowledgement_id", "alarm_acknowledgement.id"),
    one_of("alarm", Alarm, nullable=True),
    UniqueConstraint("gateway_id", "journal_id", "sequence"),
    Index("ix_alarm_seen_on_site_position", "gateway_id", "position"),
)
