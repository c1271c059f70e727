"""Each member's latest passage at a site that has several gateways, and how far each of these has told its own."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Table, Text

from portillon_cloud.database.schema import Big, instant, metadata, one_of, organisation_id

# The lock on it is the right to number; whoever holds it commits before the next one numbers.
site_presence = Table(
    "site_presence",
    metadata,
    Column("site_id", Big, ForeignKey("site.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    Column("sequence", Big, nullable=False),  # the last number given
)

# Only what still counts: a later passage takes the row over, and a day later it is gone.
member_presence = Table(
    "member_presence",
    metadata,
    Column("site_id", Big, ForeignKey("site.id"), primary_key=True, autoincrement=False),
    Column("member", Text, primary_key=True),  # the opaque id of the feed's rows
    organisation_id(),
    Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False),
    Column("zone", Text, nullable=False),  # of the door
    Column("way", Text, nullable=False),
    instant("at_ms"),  # business time
    Column("sequence", Big, nullable=False),
    one_of("way", ("entry", "exit")),
    Index("ix_member_presence_site_id_sequence", "site_id", "sequence"),
    Index("ix_member_presence_site_id_at_ms", "site_id", "at_ms"),
)

gateway_presence = Table(
    "gateway_presence",
    metadata,
    Column("gateway_id", Text, ForeignKey("gateway.id"), primary_key=True),
    organisation_id(),
    instant("told_ms", nullable=True),  # real time up to which all that it saw is here; null: it never said
    Column("unseen", JSON, nullable=False),  # what it counted of nobody, as it came
)
