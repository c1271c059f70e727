"""The tenant, its legal entities and sites; who pays, who passes, and with what."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import column_never_changes, never_changes
from portillon_cloud.members.bond import Bond
from portillon_cloud.members.credential_state import HELD, CredentialState

LANGUAGES = ("en", "fr")
_UNION = "at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk"
TAX_REGIMES = ("ca-qc", *_UNION.split(), "none")  # as billing/tax_catalogue.py has them
ACCOUNT_KINDS = ("person", "company")
MARKS = ("phone", "name_and_birth")

organisation = Table(
    "organisation",
    metadata,
    key(),
    Column("mode", Text, nullable=False),  # 'live' or 'test', fixed at creation
    Column("name", Text, nullable=False),
    Column("country", Text, nullable=False),  # ISO 3166-1: CA, FR
    Column("province", Text),  # ISO 3166-2 without the country: QC
    Column("language", Text, nullable=False),
    Column("time_zone", Text, nullable=False),  # IANA name; decides the local date of every business instant
    instant("created_at_real_ms"),
    UniqueConstraint("id", "mode"),  # what test-only tables point at
    one_of("mode", ("live", "test")),
    one_of("language", LANGUAGES),
)
column_never_changes(organisation, "mode")

legal_entity = Table(
    "legal_entity",
    metadata,
    key(),
    organisation_id(),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),  # ISO 4217
    Column("tax_regime", Text, nullable=False),
    Column("tax_numbers", JSON, nullable=False),  # {"TPS": "…", "TVQ": "…"}; printed on every invoice
    Column("payment_days", Integer, nullable=False, server_default="0"),  # from issue to due date
    UniqueConstraint("organisation_id", "id", "currency"),  # what ledger rows point at
    one_of("tax_regime", TAX_REGIMES),
    CheckConstraint("length(currency) = 3", name="currency_iso"),
)

site = Table(
    "site",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("zones", JSON, nullable=False),  # ["gym", "pool"]: the zones that exist here
    Column("policy", JSON, nullable=False),  # SitePolicy.to_body() without its time zone; {} = the policy's defaults
    one_of("language", LANGUAGES),
)

account = Table(
    "account",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    Column("kind", Text, nullable=False, server_default="person"),  # a company may owe other taxes and other notice
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("language", Text, nullable=False),
    one_of("kind", ACCOUNT_KINDS),
    one_of("language", LANGUAGES),
    Index("ix_account_organisation_id_email", "organisation_id", "email"),
)

member = Table(
    "member",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    reference("site_id", "site.id", index=True),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("email", Text),
    Column("language", Text),  # doors speak it; null: the account's
    Column("groups", JSON, nullable=False, server_default="[]"),  # for whom hours may be reserved: ["women"]
    Column("joined_on", Date, nullable=False),
    # What doors do for this person beyond opening; portillon_rules Entitlement says what each means.
    Column("long_access", Boolean, nullable=False, server_default=false()),
    Column("first_person", Boolean, nullable=False, server_default=false()),
    Column("lockdown_exempt", Boolean, nullable=False, server_default=false()),
    Column("escort", Boolean, nullable=False, server_default=false()),
    Column("escorted", Boolean, nullable=False, server_default=false()),
    Column("supervisor", Boolean, nullable=False, server_default=false()),  # of doors that ask for one (door_rule)
    one_of("language", LANGUAGES, nullable=True),
    Index("ix_member_organisation_id_email", "organisation_id", text("lower(email)")),
)

# What is known of a member, or of a payer, beside the name and e-mail, sealed under a key of that person's own.
profile = Table(
    "profile",
    metadata,
    key(),
    organisation_id(),
    reference("member_id", "member.id", nullable=True),
    reference("account_id", "account.id", nullable=True),
    Column("sealed_key", LargeBinary),  # the person's key under the installation's; null: destroyed
    Column("sealed", LargeBinary),  # the fields as JSON, under the person's key
    instant("erased_at_ms", nullable=True),
    UniqueConstraint("member_id"),
    UniqueConstraint("account_id"),
    CheckConstraint("(member_id IS NULL) <> (account_id IS NULL)", name="of_one"),
    CheckConstraint("(sealed_key IS NULL) = (erased_at_ms IS NOT NULL)", name="erased_without_key"),
    CheckConstraint("(sealed IS NULL) = (sealed_key IS NULL)", name="nothing_without_key"),
)

# By what a person is found again, or seen to be somebody who is there already, without opening anything.
profile_mark = Table(
    "profile_mark",
    metadata,
    key(),
    organisation_id(),
    reference("profile_id", "profile.id"),
    Column("kind", Text, nullable=False),
    Column("blind_index", Text, nullable=False),
    one_of("kind", MARKS),
    UniqueConstraint("profile_id", "kind"),
    Index("ix_profile_mark_blind_index", "organisation_id", "kind", "blind_index"),
)

# Who changed what of a person, and when. The values are under the person's key: without it, only the names of fields.
profile_change = never_changes(
    Table(
        "profile_change",
        metadata,
        key(),
        organisation_id(),
        reference("profile_id", "profile.id", index=True),
        instant("at_ms"),  # business time
        Column("changed_by", Text, nullable=False),  # name of the person, API key or import
        Column("fields", JSON, nullable=False),  # ["phone", "address"]; []: the person was erased
        Column("sealed", LargeBinary),  # {"why": …, "before": {…}, "after": {…}}; null: nothing to keep
    )
)

# What a file of another system brought: the same line again is known, and brings nothing.
import_mark = never_changes(
    Table(
        "import_mark",
        metadata,
        key(),
        organisation_id(),
        Column("external_id", Text, nullable=False),  # whose it was there, as a keyed blind index
        reference("member_id", "member.id", index=True),
        Column("sha256", Text, nullable=False),  # of the line as it was brought
        UniqueConstraint("organisation_id", "external_id"),
    )
)

# Without one of whom a minor, or a guest, does not pass.
member_company = Table(
    "member_company",
    metadata,
    key(),
    organisation_id(),
    reference("member_id", "member.id"),
    reference("with_id", "member.id", index=True),
    Column("bond", Text, nullable=False),
    one_of("bond", Bond),
    CheckConstraint("member_id <> with_id", name="with_somebody_else"),
    UniqueConstraint("member_id", "with_id", "bond"),
)

_IS_HELD = text(f"state IN ({', '.join(repr(state.value) for state in HELD)})")

# All instants here are business time.
credential = Table(
    "credential",
    metadata,
    key(),
    organisation_id(),
    reference("member_id", "member.id", index=True),
    Column("kind", Text, nullable=False),  # portillon_rules CredentialKind
    Column("sealed", LargeBinary, nullable=False),  # canonical form, AES-GCM under the data key
    Column("blind_index", Text, nullable=False),  # HMAC of the canonical form: exact look-up without opening any
    Column("state", Text, nullable=False),  # as somebody said; what its dates say comes on top
    instant("state_since_ms", nullable=True),
    instant("issued_at_ms", nullable=True),  # null: before anybody wrote it down
    instant("valid_from_ms", nullable=True),
    instant("valid_until_ms", nullable=True),  # the first instant at which it opens no more by itself; null: no end
    Column("zones", JSON(none_as_null=True)),  # opens these without a membership; null: those of its holder's
    reference("replaced_by_id", "credential.id", nullable=True),
    # Of PINs only.
    reference("card_id", "credential.id", nullable=True, index=True),  # what it confirms
    Column("pin_index", Text),  # HMAC of the digits alone: no two people share them, whatever they are for
    Column("duress", Boolean, nullable=False),
    one_of("state", CredentialState),
    CheckConstraint("(pin_index IS NOT NULL) = (kind IN ('pin', 'card_and_pin'))", name="pin_has_index"),
    CheckConstraint("(card_id IS NOT NULL) = (kind = 'card_and_pin')", name="pin_has_card"),
    # One credential opens for one member; a lost card stays for history and may be issued anew.
    Index(
        "uq_credential_held",
        "organisation_id",
        "blind_index",
        unique=True,
        sqlite_where=_IS_HELD,
        postgresql_where=_IS_HELD,
    ),
    Index(
        "uq_credential_pin_held",
        "organisation_id",
        "pin_index",
        unique=True,
        sqlite_where=_IS_HELD,
        postgresql_where=_IS_HELD,
    ),
    Index("ix_credential_blind_index", "organisation_id", "blind_index"),
    Index("ix_credential_pin_index", "organisation_id", "pin_index"),
)
column_never_changes(credential, "member_id")  # whose it was is history: another holder is another row

# Who did what to a credential, and when; the first row of each is its issue.
credential_change = never_changes(
    Table(
        "credential_change",
        metadata,
        key(),
        organisation_id(),
        reference("credential_id", "credential.id", index=True),
        Column("state", Text, nullable=False),
        instant("at_ms", nullable=True),
        Column("changed_by", Text),  # name of the person or API key; null: nobody, its date had come
        one_of("state", CredentialState),
    )
)

site_key = Table(
    "site_key",
    metadata,
    key(),
    organisation_id(),
    reference("site_id", "site.id"),
    Column("key_id", Text, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),  # the 32-byte secret under which credentials rest at the edge
    Column(
        "state", Text, nullable=False
    ),  # 'active': rows are hashed under it; 'retired': still accepted, no longer used
    UniqueConstraint("site_id", "key_id"),
    one_of("state", ("active", "retired")),
)
