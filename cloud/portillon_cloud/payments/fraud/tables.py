"""Tries of cards, what was suspected of them, and each organisation's limits. All instants are machine time."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, Table, Text, text

from portillon_cloud.database.schema import Big, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.payments.fraud.limits import Act, Suspicion

card_try = Table(
    "card_try",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id"),
    Column("act", Text, nullable=False),
    Column("address_mark", Text),  # of the network address: equal marks are one address, and none can be read
    instant("at_real_ms"),
    one_of("act", Act),
    Index("ix_card_try_account_id_at_real_ms", "account_id", "at_real_ms"),
    Index("ix_card_try_organisation_id_address_mark", "organisation_id", "address_mark", "at_real_ms"),
    Index("ix_card_try_organisation_id_at_real_ms", "organisation_id", "at_real_ms"),
)

fraud_signal = Table(
    "fraud_signal",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),  # whose link it was tried with
    Column("suspicion", Text, nullable=False),
    Column("counted", Integer, nullable=False),  # how many tries there were
    instant("raised_at_real_ms"),
    instant("cleared_at_real_ms", nullable=True),
    Column("cleared_by", Text),  # name of the person or API key
    Column("note", Text),  # what they found
    one_of("suspicion", Suspicion),
    Index("ix_fraud_signal_organisation_id_id", "organisation_id", "id"),
    Index(
        "uq_fraud_signal_open",
        "account_id",
        "suspicion",
        unique=True,
        sqlite_where=text("cleared_at_real_ms IS NULL"),
        postgresql_where=text("cleared_at_real_ms IS NULL"),
    ),
)

# No row: the limits of the house.
fraud_policy = Table(
    "fraud_policy",
    metadata,
    Column("organisation_id", Big, ForeignKey("organisation.id"), primary_key=True),
    Column("body", JSON, nullable=False),
)
