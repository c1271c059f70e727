"""A case per invoice whose charge failed, its dated steps, what was promised, and the organisation's policy."""

from sqlalchemy import JSON, Boolean, Column, Date, Index, Integer, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import LetterKind, StepKind

dunning_policy = Table(
    "dunning_policy",
    metadata,
    key(),
    organisation_id(),
    Column("body", JSON, nullable=False),  # DunningPolicy.to_body()
    UniqueConstraint("organisation_id"),
)

dunning_case = Table(
    "dunning_case",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id"),
    reference("invoice_id", "invoice.id"),
    Column("generation", Integer, nullable=False),  # 1; a payment that was returned opens the next
    Column("starts_on", Date, nullable=False),  # day 0 of the ladder
    Column("cause", Text, nullable=False),  # why the charge failed: "insufficient_funds"
    Column("failure", Text, nullable=False),  # whose ladder it goes down
    Column("retries", Boolean, nullable=False),  # false: a card that can never work is not tried again
    instant("opened_at_ms"),
    instant("closed_at_ms", nullable=True),
    instant("handed_over_at_ms", nullable=True),  # to whoever collects for the gym
    UniqueConstraint("invoice_id", "generation"),
    one_of("failure", FailureClass),
    Index(
        "uq_dunning_case_open",
        "invoice_id",
        unique=True,
        sqlite_where=text("closed_at_ms IS NULL"),
        postgresql_where=text("closed_at_ms IS NULL"),
    ),
    Index(
        "ix_dunning_case_open_account",
        "account_id",
        sqlite_where=text("closed_at_ms IS NULL"),
        postgresql_where=text("closed_at_ms IS NULL"),
    ),
)

dunning_step = Table(
    "dunning_step",
    metadata,
    key(),
    organisation_id(),
    reference("case_id", "dunning_case.id"),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("letter", Text),  # which letter a reminder is
    Column("planned_on", Date, nullable=False),
    Column("timer_key", Text, nullable=False),  # dunning:inv-17:step-2
    instant("done_at_ms", nullable=True),
    UniqueConstraint("case_id", "number"),
    UniqueConstraint("organisation_id", "timer_key"),
    one_of("kind", StepKind),
    one_of("letter", LetterKind, nullable=True),
)

# A day on which the payer said they would pay. It was kept if the case is closed and none of its promises was broken.
dunning_promise = never_changes(
    Table(
        "dunning_promise",
        metadata,
        key(),
        organisation_id(),
        reference("case_id", "dunning_case.id"),
        Column("pay_on", Date, nullable=False),
        instant("until_ms"),  # the morning after: until then nothing is shut
        instant("taken_at_ms"),  # business time
        Column("taken_by", Text, nullable=False),  # name of the person or API key
        Column("request_key", Text, nullable=False),
        UniqueConstraint("case_id", "request_key"),
        Index("ix_dunning_promise_organisation_id_request_key", "organisation_id", "request_key"),
    )
)
