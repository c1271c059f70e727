"""Packs and quotas, the gateway that counts them, and every visit that was spent."""

from portillon_rules.visits import Per
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

# All instants here are business time, but for the one that says otherwise.
visit_allowance = Table(
    "visit_allowance",
    metadata,
    key(),
    organisation_id(),
    reference("member_id", "member.id", index=True),
    Column("per", Text),  # null: a pack of so many visits in all; else that many in each day, week or month
    Column("most", Integer, nullable=False),
    instant("from_ms"),
    instant("until_ms"),
    Column("given_by", Text, nullable=False),  # name of the person or API key; of the plans that give it
    Column("source", Text),  # null: staff gave it; what plans give, as plan_visits.py names it
    instant("given_at_ms"),
    instant("closed_at_ms", nullable=True),  # closed, it limits nobody any more
    UniqueConstraint("member_id", "source", "from_ms"),
    one_of("per", Per, nullable=True),
    CheckConstraint("most >= 0", name="most_counts"),
    CheckConstraint("from_ms < until_ms", name="some_time"),
)

# Of a subscription's pack, the visits that were used before it came here: elsewhere, or by whoever had it before.
visits_before = never_changes(
    Table(
        "visits_before",
        metadata,
        Column("subscription_id", Big, ForeignKey("subscription.id"), primary_key=True, autoincrement=False),
        organisation_id(),
        Column("used", Integer, nullable=False),
        CheckConstraint("used >= 0", name="used_counts"),
    )
)

# One for each member who ever had an allowance: all of theirs are counted at one gateway.
visit_home = Table(
    "visit_home",
    metadata,
    Column("member_id", Big, ForeignKey("member.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    Column("gateway_id", Text, ForeignKey("gateway.id"), index=True),  # null: the site had none yet
    Column("turn", Big, nullable=False),  # how many homes there were; a gateway counts each of its turns for itself
    instant("since_ms"),
    Column("moving_to", Text, ForeignKey("gateway.id")),  # meanwhile nobody gives visits; may be the same gateway
    instant("stopped_at_ms", nullable=True),  # real time; since when the old home is known to give none
)

# Each of them at most once, whatever is delivered again.
visit_spent = never_changes(
    Table(
        "visit_spent",
        metadata,
        key(),
        organisation_id(),
        reference("allowance_id", "visit_allowance.id"),
        reference("member_id", "member.id"),
        Column("turn", Big, nullable=False),  # 0: given unchecked, by a gateway that was not the home
        Column("period", Text, nullable=False),  # of a quota: 20261123, 2026W48 or 202611; of a pack ''
        # The passage, by the key of its journal event.
        Column("gateway_id", Text, ForeignKey("gateway.id"), nullable=False),
        Column("journal_id", Text, nullable=False),
        Column("sequence", Big, nullable=False),
        UniqueConstraint("gateway_id", "journal_id", "sequence", "allowance_id"),
        Index("ix_visit_spent_allowance_id_period", "allowance_id", "period"),
    )
)
