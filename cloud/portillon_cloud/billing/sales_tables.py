"""Coupons and who used them, referrals and their rewards, and sales without a subscription."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    true,
)

from portillon_cloud.database.schema import Big, amount, instant, key, metadata, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

coupon = Table(
    "coupon",
    metadata,
    key(),
    organisation_id(),
    Column("code", Text, nullable=False),  # as it stands on invoices
    Column("share_ppm", Integer, nullable=False),  # of each cycle: 10 % = 100,000
    amount("amount_minor"),  # or so much of each
    Column("cycles", Integer),  # from the first that is charged; null: for good
    Column("waives_joining", Boolean, nullable=False),
    Column("plans", JSON(none_as_null=True)),  # ids of those it is for; null: all
    Column("valid_until_on", Date),  # the last day on which it is taken; null: none
    Column("uses_most", Integer),  # in all; null: no limit
    Column("member_uses_most", Integer, nullable=False),
    Column("active", Boolean, nullable=False, server_default=true()),
    instant("made_at_ms"),  # business time
    Column("made_by", Text, nullable=False),
    UniqueConstraint("organisation_id", "code"),
    CheckConstraint("share_ppm BETWEEN 0 AND 1000000 AND amount_minor >= 0", name="not_negative"),
)

# Uses are counted by number, in all and by member, so that two at once cannot both be the last one.
coupon_use = Table(
    "coupon_use",
    metadata,
    key(),
    organisation_id(),
    reference("coupon_id", "coupon.id"),
    Column("number", Integer, nullable=False),
    reference("member_id", "member.id"),
    Column("member_number", Integer, nullable=False),
    reference("subscription_id", "subscription.id"),
    instant("used_at_ms"),  # business time
    Column("used_by", Text, nullable=False),  # name of the person or API key
    UniqueConstraint("coupon_id", "number"),
    UniqueConstraint("coupon_id", "member_id", "member_number"),
    UniqueConstraint("coupon_id", "subscription_id"),
)

# What an organisation gives whoever brought somebody; no row: nothing.
referral_terms = Table(
    "referral_terms",
    metadata,
    Column("organisation_id", Big, ForeignKey("organisation.id"), primary_key=True, autoincrement=False),
    Column("share_ppm", Integer, nullable=False),
    amount("amount_minor"),
    Column("cycles", Integer, nullable=False),
)

referral = Table(
    "referral",
    metadata,
    key(),
    organisation_id(),
    reference("referrer_id", "member.id", index=True),
    reference("referred_id", "member.id"),
    instant("noted_at_ms"),  # business time
    Column("noted_by", Text, nullable=False),
    UniqueConstraint("referred_id"),  # brought once, by one
    CheckConstraint("referrer_id <> referred_id", name="not_oneself"),
)

referral_reward = Table(
    "referral_reward",
    metadata,
    Column("referral_id", Big, ForeignKey("referral.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    reference("subscription_id", "subscription.id"),  # whose next cycles cost less
    instant("given_at_ms"),  # business time
)

# One row for each invoice of a sale: what is taxed otherwise is invoiced apart.
sale = Table(
    "sale",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id"),
    reference("invoice_id", "invoice.id"),
    Column("request_key", Text, nullable=False),  # the asker's: the same request twice is one sale
    Column("position", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),  # of what was asked: the same key with another content is refused
    Column("sold_by", Text, nullable=False),  # name of the person or API key
    UniqueConstraint("organisation_id", "request_key", "position"),
    UniqueConstraint("invoice_id"),
)

sale_return = Table(
    "sale_return",
    metadata,
    key(),
    organisation_id(),
    reference("credit_note_id", "credit_note.id"),
    Column("request_key", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    UniqueConstraint("organisation_id", "request_key"),
    UniqueConstraint("credit_note_id"),
)

for _table in (coupon_use, referral, referral_reward, sale, sale_return):
    never_changes(_table)
