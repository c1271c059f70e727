"""What was asked about an invoice, and how it was answered. Neither changes: another question is another row."""

from enum import StrEnum

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes


class AskedBy(StrEnum):
    """Who has the question."""

    MEMBER = "member"  # they asked, and somebody wrote it down
    PAYER = "payer"  # they wrote it themselves, by the link to their own page
    DESK = "desk"  # the staff doubt it themselves


BY_LINK = "payer"
"""Who noted a question that its payer wrote themselves: no name, for these rows never change."""


class AnsweredAs(StrEnum):
    """How it ended."""

    EXPLAINED = "explained"  # it is right, and they were told why
    CREDITED = "credited"  # it was wrong, and a credit note says so
    WITHDRAWN = "withdrawn"  # they ask no more


invoice_question = Table(
    "invoice_question",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    reference("invoice_id", "invoice.id", index=True),
    Column("asked_as", Text, nullable=False),
    Column("noted_by", Text, nullable=False),  # name of the person or API key; of a payer's own: BY_LINK
    Column("text", Text, nullable=False),
    instant("asked_at_ms"),  # business time
    instant("holds_until_ms"),  # until then nothing of the invoice is charged, and it shuts no door
    Column("request_key", Text, nullable=False),
    one_of("asked_as", AskedBy),
    UniqueConstraint("organisation_id", "request_key"),
    Index("ix_invoice_question_organisation_id_id", "organisation_id", "id"),
)

question_answer = Table(
    "question_answer",
    metadata,
    key(),
    organisation_id(),
    reference("question_id", "invoice_question.id"),
    Column("answered_as", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("answered_by", Text, nullable=False),
    instant("answered_at_ms"),  # business time
    one_of("answered_as", AnsweredAs),
    UniqueConstraint("question_id"),
)

for _table in (invoice_question, question_answer):
    never_changes(_table)
