"""Contracts in writing. What was put before somebody and what they accepted never changes; files may be erased."""

from enum import StrEnum

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes
from portillon_cloud.members.tables import LANGUAGES


class Signer(StrEnum):
    """Who must accept a document: of a minor a guardian does."""

    MEMBER = "member"
    GUARDIAN = "guardian"


class AcceptedHow(StrEnum):
    """Where it was accepted."""

    DESK = "desk"
    LINK = "link"


# What a contract says of the seller beside its name and its tax numbers.
seller_particulars = Table(
    "seller_particulars",
    metadata,
    Column("legal_entity_id", Big, ForeignKey("legal_entity.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    Column("address", Text, nullable=False),
    Column("contact", Text, nullable=False),  # telephone and e-mail
    Column("permit", Text),  # Quebec: of the Office de la protection du consommateur
    Column("mediator", Text),  # France: whom a consumer may turn to (Code de la consommation L616-1)
    Column("places", JSON, nullable=False, server_default="{}"),  # address by site id, where it is another one
)

# A house's own wording, in place of the one that comes with the program.
contract_template = never_changes(
    Table(
        "contract_template",
        metadata,
        key(),
        organisation_id(),
        Column("law", Text, nullable=False),
        Column("language", Text, nullable=False),
        Column("version", Integer, nullable=False),  # 1, 2, …; the newest is used
        Column("body", Text, nullable=False),
        instant("made_at_ms"),  # business time
        Column("made_by", Text, nullable=False),
        UniqueConstraint("organisation_id", "law", "language", "version"),
        one_of("law", ("ca-qc", "fr", "none")),
        one_of("language", LANGUAGES),
    )
)

contract_document = never_changes(
    Table(
        "contract_document",
        metadata,
        key(),
        organisation_id(),
        reference("contract_id", "contract.id"),
        reference("subscription_id", "subscription.id", index=True),
        Column("version", Integer, nullable=False),  # of this contract: other terms are another document
        reference("template_id", "contract_template.id", nullable=True),  # null: the wording of the program
        Column("wording", Text, nullable=False),  # its name: "ca-qc fr 2026-1"
        Column("language", Text, nullable=False),
        Column("words", Text, nullable=False),  # what whoever accepts agrees to, as shown to them
        Column("signer", Text, nullable=False),
        Column("sha256", Text, nullable=False),  # of the file as it was put before them
        Column("size_bytes", Integer, nullable=False),  # a sealed file begins with just these bytes
        instant("prepared_at_ms"),  # business time
        Column("prepared_by", Text, nullable=False),
        UniqueConstraint("contract_id", "version"),
        one_of("language", LANGUAGES),
        one_of("signer", Signer),
        CheckConstraint("length(sha256) = 64", name="sha256_hex"),
    )
)

contract_acceptance = never_changes(
    Table(
        "contract_acceptance",
        metadata,
        Column("document_id", Big, ForeignKey("contract_document.id"), primary_key=True, autoincrement=False),
        organisation_id(),
        instant("accepted_at_ms"),  # business time
        instant("accepted_at_real_ms"),
        Column("how", Text, nullable=False),
        Column("witness", Text),  # at the desk: who had it signed
        Column("sha256", Text, nullable=False),  # of what they had before them
        one_of("how", AcceptedHow),
        CheckConstraint("(how = 'desk') = (witness IS NOT NULL)", name="witness_at_desk"),
    )
)

# The file itself, with people's names in it: erased when no law wants it kept any more.
document_file = Table(
    "document_file",
    metadata,
    Column("document_id", Big, ForeignKey("contract_document.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    Column("file", LargeBinary, nullable=False),  # the PDF, under the data key; once accepted, with its seal
    Column("evidence", LargeBinary),  # name, signature drawn, address on the network: JSON, under the data key
)
