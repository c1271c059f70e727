"""With which account an organisation charges at a provider, now and before: its keys are sealed, never in clear."""

from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes


class AccountAct(StrEnum):
    """What a person did with an account."""

    ENTERED = "entered"
    NEW_KEYS = "new_keys"
    ENDED = "ended"


provider_account = Table(
    "provider_account",
    metadata,
    key(),
    organisation_id(),
    Column("mode", Text, nullable=False),  # the organisation's, and the key's: one is not taken for the other
    Column("provider", Text, nullable=False),
    Column("reference", Text, nullable=False),  # the provider's own name for the account: acct_…
    Column("publishable_key", Text),  # no secret: it is in every page that takes a card
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("secret_last4", Text, nullable=False),
    Column("webhook_secret_sealed", LargeBinary),
    Column("api_version", Text, nullable=False),  # which the account was last used with
    instant("since_ms"),  # business time
    instant("until_ms", nullable=True),  # from then on nothing is charged with it; what was, is still settled with it
    Column("entered_by", Text, nullable=False),
    UniqueConstraint("organisation_id", "provider", "reference"),
    ForeignKeyConstraint(["organisation_id", "mode"], ["organisation.id", "organisation.mode"]),
    CheckConstraint("until_ms IS NULL OR until_ms >= since_ms", name="ends_after_it_began"),
    Index(
        "uq_provider_account_current",
        "organisation_id",
        "provider",
        unique=True,
        sqlite_where=text("until_ms IS NULL"),
        postgresql_where=text("until_ms IS NULL"),
    ),
)

# Who did what with which account: its row says only how it is now.
provider_account_act = never_changes(
    Table(
        "provider_account_act",
        metadata,
        key(),
        organisation_id(),
        reference("provider_account_id", "provider_account.id", index=True),
        Column("kind", Text, nullable=False),
        Column("secret_last4", Text, nullable=False),  # of the key then
        Column("done_by", Text, nullable=False),  # name of the person or API key
        instant("at_ms"),  # business time
        one_of("kind", AccountAct),
    )
)

# Whom the provider knows one of our accounts as: their cards hang on it.
provider_customer = Table(
    "provider_customer",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id"),
    reference("provider_account_id", "provider_account.id"),
    Column("reference", Text, nullable=False),
    UniqueConstraint("account_id", "provider_account_id"),
    UniqueConstraint("provider_account_id", "reference"),
)
