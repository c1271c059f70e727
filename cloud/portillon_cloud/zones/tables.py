"""The rule of each zone, and every time that staff forgave a member where they were."""

from sqlalchemy import JSON, CheckConstraint, Column, Index, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import instant, key, metadata, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

NOTE_LENGTH = 200

# A row of the feed each; the zone "*" is all of the site.
zone_rule = Table(
    "zone_rule",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("zone", Text, nullable=False),
    Column("body", JSON, nullable=False),  # portillon_rules ZoneRule.to_body()
    UniqueConstraint("site_id", "zone"),
)

# Whom staff let begin anew at a site, and why; the gateways hear of each member's latest.
forgiveness = never_changes(
    Table(
        "forgiveness",
        metadata,
        key(),
        organisation_id(),
        reference("site_id", "site.id"),
        reference("member_id", "member.id", index=True),
        instant("at_ms"),  # business time: where they were until then no longer counts
        instant("at_real_ms"),
        Column("note", Text, nullable=False),  # why, in the words of whoever did it
        Column("given_by", Text, nullable=False),  # name of the person or API key
        Column("given_by_id", Text, nullable=False),
        CheckConstraint(f"length(note) BETWEEN 1 AND {NOTE_LENGTH}", name="note_said"),
        Index("ix_forgiveness_site_id_id", "site_id", "id"),
    )
)
