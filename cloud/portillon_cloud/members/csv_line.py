"""One line of a member import: its fields read, each bad one named. Pure."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from portillon_rules.credential import Credential, CredentialError

from portillon_cloud.members.card_text import read_card
from portillon_cloud.members.csv_running import COLUMNS as RUNNING_COLUMNS
from portillon_cloud.members.csv_running import Elsewhere, read_elsewhere
from portillon_cloud.members.entry import Entry
from portillon_cloud.members.profile import LINE_MAX, TypedAddress, TypedContact, TypedMember

REQUIRED = ("first_name", "last_name", "plan", "contract_start")
NOTE = "problem"
"""A column that nobody reads: what was wrong with a line, in the file of those that did not come in."""

OPTIONAL = (
    "email", "card", "payment_token", "payment_label", "language", "account", "billed_from",
    "phone", "birth_date", "street", "city", "postal_code", "region", "country", "emergency_name", "emergency_phone",
    "external_id", *RUNNING_COLUMNS, NOTE,
)  # fmt: skip
FIELD_CHARACTERS_MAX = 200
LANGUAGES = ("en", "fr")
COLUMNS = {f"address/{name}": name for name in ("street", "city", "postal_code", "region", "country")} | {
    f"emergency_contacts/0/{name}": f"emergency_{name}" for name in ("name", "phone")
}
"""Where a field of a profile stands in a file."""
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would run when somebody opens an export of ours


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where; `line` counts from 1 as an editor does, `column` is the header's name or ''."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """One good line. `account` groups lines under one payer (None: the member pays for themself).

    `cards`: what the column `card` names, with spaces between several; no credential has one in it.
    """

    line: int
    first_name: str
    last_name: str
    plan: str
    contract_start: datetime.date
    email: str | None
    cards: tuple[Credential, ...]
    payment_token: str | None
    payment_label: str | None
    language: str | None
    account: str | None
    billed_from: datetime.date | None  # periods that began before it were billed elsewhere
    external_id: str | None  # whose it is in the system that it comes from
    elsewhere: Elsewhere  # how the membership stands there
    sha256: str  # of the line: the same one again brings nothing
    known: TypedMember  # as written: how a phone number reads depends on the country of the gym


def read_line(line: int, values: Mapping[str, str]) -> tuple[MemberRow | None, list[Problem]]:
    """The member of one line, or everything that is wrong with it."""
    fields = _Fields(line, values)
    first_name, last_name = fields.required("first_name"), fields.required("last_name")
    plan, start_text = fields.required("plan"), fields.required("contract_start")
    start = fields.date("contract_start") if start_text else None
    optional = {
        "email": fields.email("email"),
        "payment_token": fields.text("payment_token"),
        "payment_label": fields.text("payment_label"),
        "language": fields.language("language"),
        "account": fields.text("account"),
        "external_id": fields.text("external_id"),
    }
    elsewhere = read_elsewhere(fields)
    if elsewhere.paid_until is not None and fields.text("billed_from") is not None:
        fields.wrong("billed_from", "says what paid_until says: leave one of them empty")
    cards, billed_from = fields.cards("card"), fields.date("billed_from")
    if fields.problems or start is None:
        return None, fields.problems
    row = MemberRow(
        line=line,
        first_name=first_name,
        last_name=last_name,
        plan=plan,
        contract_start=start,
        cards=cards,
        billed_from=billed_from,
        elsewhere=elsewhere,
        sha256=_digest(values),
        known=fields.profile(first_name, last_name, optional["email"]),
        **optional,
    )
    return row, []


def _digest(values: Mapping[str, str]) -> str:
    said = {name: value.strip() for name, value in values.items() if value.strip() and name != NOTE}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True)
class _Fields:
    """Reads fields by name and collects what is wrong with them; a bad field reads as absent."""

    line: int
    values: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        value = self.values.get(name, "").strip()
        if len(value) > FIELD_CHARACTERS_MAX:
            self.wrong(name, f"has {len(value)} characters; at most {FIELD_CHARACTERS_MAX}")
            return None
        if value.startswith(_FORMULA):
            self.wrong(name, f"{value!r} begins like a spreadsheet formula; remove its first character")
            return None
        if not value.isprintable():
            self.wrong(name, f"{value!r} has a line break or a character that cannot be seen")
            return None
        return value or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if not self.values.get(name, "").strip():
            self.wrong(name, "is empty")
        return value or ""

    def email(self, name: str) -> str | None:
        value = self.text(name)
        entry = Entry(country="")
        read = entry.email(name, value)
        for one in entry.wrong:
            self.wrong(name, f"{value!r}: {one.said()}")
        return read

    def profile(self, first_name: str, last_name: str, email: str | None) -> TypedMember:
        """What else is written of the member; the country alone is no address."""

        def said(name: str) -> str:
            return self.values.get(name, "").strip()[:LINE_MAX]

        written = any(said(name) for name in ("street", "city", "postal_code", "region"))
        address = {name: said(name) for name in ("street", "city", "postal_code", "region", "country")}
        contact = TypedContact(name=said("emergency_name"), phone=said("emergency_phone"))
        return TypedMember(
            first_name=first_name,
            last_name=last_name,
            email=email,
            phone=said("phone"),
            birth_date=said("birth_date"),
            address=TypedAddress(**address) if written else None,
            emergency_contacts=[contact] if contact.name or contact.phone else [],
        )

    def language(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and value.lower() not in LANGUAGES:
            self.wrong(name, f"{value!r} is not known; use {' or '.join(LANGUAGES)}, or leave it empty")
            return None
        return value and value.lower()

    def date(self, name: str) -> datetime.date | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            self.wrong(name, f"{value!r} is no date; write it as YYYY-MM-DD, for example 2026-01-31")
            return None

    def cards(self, name: str) -> tuple[Credential, ...]:
        found: dict[Credential, None] = {}  # a set that keeps the order
        for one in (self.text(name) or "").split():
            try:
                found[read_card(one)] = None
            except CredentialError as error:
                self.wrong(name, str(error))
        return tuple(found)

    def wrong(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.line, name, message))
