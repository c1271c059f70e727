"""What is sold (plan, price), agreed (contract, subscription) and billed (invoice). An invoice never changes."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.engine.default import DefaultExecutionContext

from portillon_cloud.billing import sales_tables as sales_tables  # one schema, so one import makes it whole
from portillon_cloud.billing import transfer_tables as transfer_tables
from portillon_cloud.billing.event_body import EVENT_KINDS
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.database.schema import Big, amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes


def _own_account(context: DefaultExecutionContext) -> int:
    account_id: int = context.get_current_parameters()["account_id"]  # type: ignore[no-untyped-call]
    return account_id


plan = Table(
    "plan",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    Column("code", Text, nullable=False),  # short name used by imports and the API
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default="membership"),  # an addon is only had beside a membership
    Column("zones", JSON, nullable=False),  # what it opens: ["gym"]
    Column("schedule", Text, nullable=False, server_default="always"),  # when it opens
    Column("sites", JSON(none_as_null=True)),  # where: null: the member's home site; "all"; or ids of sites
    Column("visits", JSON(none_as_null=True)),  # how often: null: no limit; {"day": 1, "week": 2} or {"pack": 10}
    one_of("kind", ("membership", "addon")),
    UniqueConstraint("organisation_id", "code"),
)

price = Table(
    "price",
    metadata,
    key(),
    organisation_id(),
    reference("plan_id", "plan.id"),
    amount("amount_minor"),  # per interval
    Column("currency", Text, nullable=False),
    Column("interval_unit", Text, nullable=False),
    Column("interval_count", Integer, nullable=False),
    Column("tax_inclusive", Boolean, nullable=False),
    Column("taxable", Boolean, nullable=False),
    Column("tax_category", Text, nullable=False, server_default=TaxCategory.STANDARD.value),  # of what is taxable
    Column("term_months", Integer),  # the contract it is sold under; null: open-ended (not lawful everywhere)
    Column("times", Integer),  # or how many intervals it is sold for: a day pass is one day, once
    Column("joining_minor", Big, nullable=False, server_default="0"),  # once, with the first period
    Column("trial_days", Integer, nullable=False, server_default="0"),  # before the first period, for nothing
    Column("instalments", Integer, nullable=False, server_default="1"),  # of each interval's invoice, a month apart
    Column("terms", JSON, nullable=False, server_default="{}"),  # of parts, billing day, notice, freezes: SoldTerms
    Column("audience", Text),  # only for them, with proof: "student"; null: for all
    Column("active", Boolean, nullable=False),
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint("interval_count > 0", name="interval_positive"),
    CheckConstraint("term_months IS NULL OR times IS NULL", name="one_sort_of_term"),
    CheckConstraint("joining_minor >= 0 AND trial_days >= 0 AND instalments > 0", name="extras_not_negative"),
    one_of("interval_unit", ("day", "week", "month")),
    one_of("tax_category", TaxCategory),
)

contract = Table(
    "contract",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    Column("law", Text, nullable=False),  # whose consumer law it was checked against
    Column("law_version", Text, nullable=False),  # the version of those rules
    Column("signed_on", Date, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),  # first day without it; null: open-ended
    Column("renews", Boolean, nullable=False),  # goes on by itself after its term
    Column("at_distance", Boolean, nullable=False, server_default=false()),  # signed online or by telephone
    amount("total_minor", nullable=True),  # what all instalments of a fixed term come to, before tax
    Column("instalments", Integer),
    Column("agreement", JSON, nullable=False, server_default="{}"),  # of freezes, notice, minimum term: Agreement
    Column("proof", Text),  # that the member is of the price's audience: what staff saw
    Column("state", Text, nullable=False),
    one_of("law", ("ca-qc", "fr", "none")),
    one_of("state", ("active", "ended", "cancelled")),
    CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="ends_after_start"),
)

subscription = Table(
    "subscription",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("member_id", "member.id", index=True),
    reference("contract_id", "contract.id"),
    reference("price_id", "price.id"),
    reference("beside_id", "subscription.id", nullable=True),  # of an add-on: the membership it is beside
    Column("component", Text, nullable=False, server_default="membership"),
    Column("proration", Text, nullable=False, server_default=Proration.REAL_DAYS.value),  # agreed at the start
    # Whether every cycle is one of `price_id` from `anchor_on`, whole: nothing was changed, frozen, discounted. If not,
    # its cycles are reckoned from its events.
    Column("plain", Boolean, nullable=False, server_default=true()),
    # Beside whose lines it is billed, so that one payer gets one invoice: who pays a part of it, or its own account.
    Column("bill_with_id", Big, ForeignKey("account.id"), nullable=False, default=_own_account),
    Column("anchor_on", Date, nullable=False),  # start of period 0; the 31st stays the 31st
    Column("next_invoice_on", Date),  # start of the next period to bill; null: nothing more to bill
    Column("ends_on", Date),  # first day without it
    Column("state", Text, nullable=False),
    one_of("state", ("active", "ended")),
    one_of("proration", Proration),
    Index(
        "ix_subscription_beside",
        "beside_id",
        sqlite_where=text("beside_id IS NOT NULL"),
        postgresql_where=text("beside_id IS NOT NULL"),
    ),
    Index(
        "ix_subscription_billed_with_another",
        "bill_with_id",
        sqlite_where=text("bill_with_id <> account_id"),
        postgresql_where=text("bill_with_id <> account_id"),
    ),
    Index(
        "ix_subscription_due",
        "legal_entity_id",
        "next_invoice_on",
        "bill_with_id",
        "account_id",
        "id",
        sqlite_where=text("next_invoice_on IS NOT NULL"),
        postgresql_where=text("next_invoice_on IS NOT NULL"),
    ),
)

BILLED_WITH_ANOTHER = text("subscription.bill_with_id <> subscription.account_id")
"""The condition of the partial index, in words it recognises."""

number_series = Table(
    "number_series",
    metadata,
    organisation_id(),
    Column("legal_entity_id", Big, ForeignKey("legal_entity.id"), primary_key=True, autoincrement=False),
    Column("series", Text, primary_key=True),
    Column("last_number", Big, nullable=False),
    Column("last_issued_on", Date, nullable=False),  # the next number is not issued on an earlier day
)

invoice = Table(
    "invoice",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    Column("series", Text, nullable=False),
    Column("number", Big, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    instant("issued_at_ms"),  # business time
    Column("currency", Text, nullable=False),
    Column("tax_inclusive", Boolean, nullable=False, server_default=false()),  # whether lines are priced with tax
    amount("net_minor"),
    amount("tax_minor"),
    amount("total_minor"),
    Column("buyer", JSON, nullable=False),  # name and e-mail as known at issue
    Column("seller", JSON, nullable=False),  # name and tax numbers as known at issue
    Column("engine", Text, nullable=False),  # version of the code that computed it
    Column("tax_catalogue", Text, nullable=False, server_default="unknown"),  # version it was taxed by
    UniqueConstraint("legal_entity_id", "series", "number"),
    CheckConstraint("total_minor = net_minor + tax_minor", name="adds_up"),
    CheckConstraint("number > 0", name="number_positive"),
    Index("ix_invoice_legal_entity_id_issued_on", "legal_entity_id", "issued_on"),  # reports of some months
)

invoice_line = Table(
    "invoice_line",
    metadata,
    key(),
    organisation_id(),
    reference("invoice_id", "invoice.id", index=True),
    Column("position", Integer, nullable=False),
    Column("description", Text, nullable=False),
    reference("subscription_id", "subscription.id", nullable=True),
    Column("component", Text),
    reference("price_id", "price.id", nullable=True),
    Column("period_start", Date),
    Column("period_end", Date),  # half-open: first day not covered
    # Of contracts by the second: seconds passed of those two days.
    Column("start_second", Integer, nullable=False, server_default="0"),
    Column("end_second", Integer, nullable=False, server_default="0"),
    Column("cycle_start", Date),  # the whole billing period that this is, or is a part of
    Column("cycle_end", Date),
    Column("generation", Integer),  # only a full reversal opens the next
    Column("quantity", Integer, nullable=False),  # negative: a discount
    amount("unit_minor"),  # of a whole cycle, tax inside if the price is inclusive
    amount("taken_from_minor", nullable=True),  # of a discount: a whole cycle of what it is taken from
    amount("priced_minor"),  # quantity x unit, of the part of the cycle that is covered
    amount("net_minor"),  # the same, tax taken out
    Column("taxable", Boolean, nullable=False),
    Index(
        "uq_invoice_line_recurring",
        "subscription_id",
        "component",
        "period_start",
        "start_second",
        "generation",
        unique=True,
        sqlite_where=text("subscription_id IS NOT NULL"),
        postgresql_where=text("subscription_id IS NOT NULL"),
    ),
    CheckConstraint(
        "subscription_id IS NULL OR (component IS NOT NULL AND period_start IS NOT NULL"
        " AND (period_end > period_start OR (period_end = period_start AND end_second > start_second))"
        " AND price_id IS NOT NULL AND cycle_start <= period_start AND cycle_end >= period_end"
        " AND generation IS NOT NULL)",
        name="recurring_has_period",
    ),
)

invoice_tax = Table(
    "invoice_tax",
    metadata,
    organisation_id(),
    Column("invoice_id", Big, ForeignKey("invoice.id"), primary_key=True, autoincrement=False),
    Column("tax", Text, primary_key=True),  # 'TPS', 'TVQ', 'TVA'
    Column("rate_ppm", Integer, primary_key=True, autoincrement=False),  # parts per million: 9.975 % = 99,750
    amount("base_minor"),
    amount("amount_minor"),
)

# What is said of a subscription, and from when it holds; billing/timeline.py says what each kind means.
subscription_event = Table(
    "subscription_event",
    metadata,
    key(),
    organisation_id(),
    reference("subscription_id", "subscription.id", index=True),
    Column("kind", Text, nullable=False),
    Column("holds_from_on", Date, nullable=False),
    Column("body", JSON, nullable=False),
    instant("recorded_at_ms"),  # business time
    Column("recorded_by", Text, nullable=False),  # name of the person or API key; 'contract' for what it says itself
    Column("reason", Text),
    one_of("kind", EVENT_KINDS),
)

# An event is never changed: it is withdrawn, and another one recorded.
event_withdrawal = Table(
    "event_withdrawal",
    metadata,
    Column("event_id", Big, ForeignKey("subscription_event.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    instant("withdrawn_at_ms"),
    Column("withdrawn_by", Text, nullable=False),
)

credit_note = Table(
    "credit_note",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("invoice_id", "invoice.id", index=True),  # what it takes back
    Column("series", Text, nullable=False),
    Column("number", Big, nullable=False),
    Column("issued_on", Date, nullable=False),
    instant("issued_at_ms"),  # business time
    Column("currency", Text, nullable=False),
    amount("net_minor"),
    amount("tax_minor"),
    amount("total_minor"),
    Column("reason", Text, nullable=False),
    Column("buyer", JSON, nullable=False),  # as on the invoice
    Column("seller", JSON, nullable=False),  # as known at issue
    Column("engine", Text, nullable=False),
    UniqueConstraint("legal_entity_id", "series", "number"),
    CheckConstraint("total_minor = net_minor + tax_minor", name="adds_up"),
    CheckConstraint("total_minor >= 0", name="total_not_negative"),
    CheckConstraint("number > 0", name="number_positive"),
    Index("ix_credit_note_legal_entity_id_issued_on", "legal_entity_id", "issued_on"),
)

credit_note_line = Table(
    "credit_note_line",
    metadata,
    key(),
    organisation_id(),
    reference("credit_note_id", "credit_note.id", index=True),
    reference("invoice_line_id", "invoice_line.id", index=True),
    Column("position", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("period_start", Date),  # what of the line's period is taken back
    Column("period_end", Date),
    Column("start_second", Integer, nullable=False, server_default="0"),
    Column("end_second", Integer, nullable=False, server_default="0"),
    amount("priced_minor"),  # of a discount negative
    amount("net_minor"),
)

credit_note_tax = Table(
    "credit_note_tax",
    metadata,
    organisation_id(),
    Column("credit_note_id", Big, ForeignKey("credit_note.id"), primary_key=True, autoincrement=False),
    Column("tax", Text, primary_key=True),
    Column("rate_ppm", Integer, primary_key=True, autoincrement=False),
    amount("base_minor"),
    amount("amount_minor"),
)

# Why the engine would not bill an account, until somebody says that they have looked.
billing_doubt = Table(
    "billing_doubt",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    reference("subscription_id", "subscription.id"),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    instant("raised_at_ms"),  # business time
)

doubt_settled = Table(
    "doubt_settled",
    metadata,
    Column("doubt_id", Big, ForeignKey("billing_doubt.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    instant("settled_at_ms"),
    Column("settled_by", Text, nullable=False),
    Column("note", Text),
)

for _table in (
    billing_doubt,
    doubt_settled,
    invoice,
    invoice_line,
    invoice_tax,
    subscription_event,
    event_withdrawal,
    credit_note,
    credit_note_line,
    credit_note_tax,
):
    never_changes(_table)
