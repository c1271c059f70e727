"""Plans, rules and orders of doors as they are now, and every order that was ever given."""

from portillon_rules.door_plan import Standing
from portillon_rules.door_rule import COMPANY_WITHIN_S_MAX
from sqlalchemy import JSON, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint

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

# What a door asks of whoever comes: portillon_rules.door_rule says what each means. Its supervisors are members'.
door_rule = Table(
    "door_rule",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("door", Text, nullable=False),
    Column("pin_schedule", Text),  # the name of one of the site's schedules; null: a card alone is always enough
    Column("two_people", Boolean, nullable=False),
    Column("supervised", Boolean, nullable=False),
    Column("minors_alone", Boolean, nullable=False),
    Column("within_s", Integer, nullable=False),
    Column("reserved", JSON, nullable=False, server_default="[]"),  # hours of one group: portillon_rules.reserved
    UniqueConstraint("site_id", "door"),
    CheckConstraint(f"within_s BETWEEN 1 AND {COMPANY_WITHIN_S_MAX}", name="within_bounds"),
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

# Who changed what doors do for a member beyond opening, and when.
door_rights_change = never_changes(
    Table(
        "door_rights_change",
        metadata,
        key(),
        organisation_id(),
        reference("member_id", "member.id", index=True),
        Column("rights", JSON, nullable=False),  # the names of those that the member has from then on
        instant("at_ms"),  # business time
        instant("at_real_ms"),
        Column("given_by", Text, nullable=False),  # name of the person or API key
        Column("given_by_id", Text, nullable=False),
    )
)
