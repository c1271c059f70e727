"""Blocks, rights and grace staff give, opening hours, who changed which rule. Standing is derived, never stored."""

from sqlalchemy import JSON, CheckConstraint, Column, Index, Table, Text, UniqueConstraint, text

from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.facts import GivenRole
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

block = Table(
    "block",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    reference("member_id", "member.id", nullable=True),  # null: everybody on the account
    Column("reason", Text, nullable=False),
    Column(
        "source", Text, nullable=False
    ),  # who or what placed it, and alone may end it: "dunning", "staff:3", "dispute:7"
    instant("from_ms"),  # business time
    instant("until_ms", nullable=True),  # null: until somebody ends it
    Column("switches", JSON, nullable=False),  # ["access", …]
    one_of("reason", BlockReason),
    CheckConstraint("until_ms IS NULL OR until_ms >= from_ms", name="ends_after_start"),
    # The same cause blocks the same account, or member, once at a time: placing a block twice places one.
    Index(
        "uq_block_open_account",
        "account_id",
        "reason",
        "source",
        unique=True,
        sqlite_where=text("until_ms IS NULL AND member_id IS NULL"),
        postgresql_where=text("until_ms IS NULL AND member_id IS NULL"),
    ),
    Index(
        "uq_block_open_member",
        "member_id",
        "reason",
        "source",
        unique=True,
        sqlite_where=text("until_ms IS NULL AND member_id IS NOT NULL"),
        postgresql_where=text("until_ms IS NULL AND member_id IS NOT NULL"),
    ),
)

# A right that nobody pays for. It is ended by giving it an end, and never forgotten: who gave it, and why.
given_right = Table(
    "given_right",
    metadata,
    key(),
    organisation_id(),
    reference("member_id", "member.id", index=True),
    Column("role", Text, nullable=False),
    Column("zones", JSON, nullable=False),  # what it opens: ["office"]
    Column("schedule", Text, nullable=False, server_default="always"),
    Column("sites", JSON(none_as_null=True)),  # null: the member's home site; "all"; or ids
    instant("from_ms"),  # business time
    instant("until_ms", nullable=True),  # null: until somebody ends it
    Column("given_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ended_by", Text),  # who gave it its end, if somebody did afterwards
    one_of("role", GivenRole),
    CheckConstraint("until_ms IS NULL OR until_ms >= from_ms", name="ends_after_start"),
)

# Grace beyond the ladder's, for one account: until then nothing that is owed shuts anything off. The last row holds.
grace_given = never_changes(
    Table(
        "grace_given",
        metadata,
        key(),
        organisation_id(),
        reference("account_id", "account.id", index=True),
        instant("given_at_ms"),  # business time
        instant("until_ms"),
        Column("given_by", Text, nullable=False),  # name of the person or API key
        Column("reason", Text, nullable=False),
        Column("request_key", Text, nullable=False),
        UniqueConstraint("organisation_id", "request_key"),
    )
)

schedule = Table(
    "schedule",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("name", Text, nullable=False),
    Column("body", JSON, nullable=False),  # portillon_rules Schedule.to_body()
    UniqueConstraint("site_id", "name"),
)

holiday_calendar = Table(
    "holiday_calendar",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("name", Text, nullable=False),
    Column("body", JSON, nullable=False),  # portillon_rules HolidayCalendar.to_body()
    UniqueConstraint("site_id", "name"),
)

# Who changed by what doors and plans go, from what to what.
rule_change = never_changes(
    Table(
        "rule_change",
        metadata,
        key(),
        organisation_id(),
        reference("site_id", "site.id", nullable=True),  # null: a plan or a price, which are of no one site
        Column("kind", Text, nullable=False),
        Column("name", Text, nullable=False),  # of the schedule, the zone, the door, the plan
        Column("was", JSON(none_as_null=True)),  # null: there was none
        Column("becomes", JSON(none_as_null=True)),  # null: it was removed
        instant("at_ms"),  # business time
        instant("at_real_ms"),
        Column("changed_by", Text, nullable=False),  # name of the person or API key
        Column("changed_by_id", Text, nullable=False),
        one_of("kind", RuleKind),
        Index("ix_rule_change_organisation_id_id", "organisation_id", "id"),
        Index("ix_rule_change_site_id_id", "site_id", "id"),
    )
)
