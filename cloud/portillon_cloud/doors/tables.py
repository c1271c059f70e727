"""Plans and orders of doors as they are now, and every order that was ever given."""

from portillon_rules.door_plan import Standing
from sqlalchemy import Boolean, Column, Index, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

# A row of the feed each: portillon_rules.door_plan says what they mean. The door "*" is all of the site.
door_plan = Table(
    "door_plan",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("door", Text, nullable=False),
    Column("unlock", Text, nullable=False),  # the name of one of the site's schedules
    Column("first_person", Boolean, nullable=False),
    UniqueConstraint("site_id", "door"),
)

door_order = Table(
    "door_order",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("door", Text, nullable=False),
    Column("standing", Text, nullable=False),
    instant("until_ms", nullable=True),  # business time; null: until withdrawn
    Column("given_by", Text, nullable=False),  # name of the person or API key
    Column("given_by_id", Text, nullable=False),  # what travels to the gateway
    instant("given_at_ms"),
    one_of("standing", Standing),
    UniqueConstraint("site_id", "door"),
)

# Who had a door stand how, and since when.
door_order_change = never_changes(
    Table(
        "door_order_change",
        metadata,
        key(),
        organisation_id(),
        reference("site_id", "site.id"),
        Column("door", Text, nullable=False),
        Column("standing", Text),  # null: withdrawn, back to the plan
        instant("until_ms", nullable=True),
        instant("at_ms"),  # business time
        instant("at_real_ms"),
        Column("given_by", Text, nullable=False),
        Column("given_by_id", Text, nullable=False),
        one_of("standing", Standing, nullable=True),
        Index("ix_door_order_change_site_id_id", "site_id", "id"),
    )
)
