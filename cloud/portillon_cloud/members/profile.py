"""What is known of a person: as typed, as read, and what differs between two versions. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.members.entry import NAME_CHARACTERS_MAX, Entry
from portillon_cloud.members.tax_numbers import TaxNumber

EMERGENCY_CONTACTS_MAX = 5
FULL_AGE_YEARS = 18
"""Code civil du Québec, art. 153; Code civil (France), art. 414."""

LINE_MAX = 1000
"""Characters that are looked at at all."""

Line = Annotated[str, Field(max_length=LINE_MAX)]  # how long each may be is said by name when it is read


class Typed(BaseModel):
    """What somebody typed, in any form; a key nobody reads is a mistake, and is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class TypedAddress(Typed):
    street: Line = Field(description="With the flat, on one line")
    city: Line
    postal_code: Line | None = None
    region: Line | None = Field(default=None, description="Province or state, where an address has one")
    country: Line = Field(description="Two letters (ISO 3166-1)", examples=["CA"])


class TypedContact(Typed):
    name: Line
    phone: Line
    relation: Line | None = Field(default=None, description="Who they are to the member", examples=["mother"])


class TypedMember(Typed):
    first_name: Line
    last_name: Line
    email: Line | None = None
    phone: Line | None = Field(default=None, description="Without a country code: of the organisation's country")
    birth_date: Line | None = Field(default=None, description="YYYY-MM-DD")
    address: TypedAddress | None = None
    emergency_contacts: list[TypedContact] = Field(default=[], max_length=20)


class TypedPayer(Typed):
    kind: Literal["person", "company"] = "person"
    name: Line
    email: Line | None = None
    phone: Line | None = None
    address: TypedAddress | None = None
    iban: Line | None = Field(default=None, description="Where money goes back to, or is drawn from by mandate")
    tax_numbers: dict[TaxNumber, Line] = Field(default={}, description="Of a company, as its invoices must name them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where letters reach somebody."""

    street: str
    city: str
    country: str
    postal_code: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyContact:
    """Whom to call when something happened."""

    name: str
    phone: str
    relation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberProfile:
    """Who passes."""

    first_name: str
    last_name: str
    email: str | None = None
    phone: str | None = None
    birth_date: date | None = None
    address: Address | None = None
    emergency_contacts: tuple[EmergencyContact, ...] = ()

    def is_minor(self, today: date) -> bool | None:
        """Whether a guardian answers for them; None: the birth date is not known."""
        if self.birth_date is None:
            return None
        birthday_over = (today.month, today.day) >= (self.birth_date.month, self.birth_date.day)
        return today.year - self.birth_date.year - (not birthday_over) < FULL_AGE_YEARS


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerProfile:
    """Who pays: a person, the head of a household, or a company."""

    name: str
    kind: str = "person"
    email: str | None = None
    phone: str | None = None
    address: Address | None = None
    iban: str | None = None
    tax_numbers: Mapping[TaxNumber, str] = field(default_factory=dict)


def read_member(typed: TypedMember, *, country: str, today: date) -> MemberProfile:
    """The member that was typed in; raises EntryRefusedError naming every field that is wrong."""
    entry = Entry(country)
    entry.at_most("emergency_contacts", len(typed.emergency_contacts), EMERGENCY_CONTACTS_MAX)
    read = MemberProfile(
        first_name=entry.needed("first_name", typed.first_name),
        last_name=entry.needed("last_name", typed.last_name),
        email=entry.email("email", typed.email),
        phone=entry.phone("phone", typed.phone),
        birth_date=entry.birth_date("birth_date", typed.birth_date, today),
        address=_address(entry, typed.address),
        emergency_contacts=tuple(
            EmergencyContact(
                name=entry.needed(f"emergency_contacts/{index}/name", one.name),
                phone=entry.needed_phone(f"emergency_contacts/{index}/phone", one.phone),
                relation=entry.text(f"emergency_contacts/{index}/relation", one.relation, limit=NAME_CHARACTERS_MAX),
            )
            for index, one in enumerate(typed.emergency_contacts)
        ),
    )
    entry.done()
    return read


def read_payer(typed: TypedPayer, *, country: str) -> PayerProfile:
    """The payer that was typed in; raises EntryRefusedError naming every field that is wrong."""
    entry = Entry(country)
    read = PayerProfile(
        kind=typed.kind,
        name=entry.needed("name", typed.name),
        email=entry.email("email", typed.email),
        phone=entry.phone("phone", typed.phone),
        address=_address(entry, typed.address),
        iban=entry.iban("iban", typed.iban),
        tax_numbers=entry.tax_numbers("tax_numbers", typed.tax_numbers),
    )
    entry.done()
    return read


def to_values(profile: MemberProfile | PayerProfile) -> dict[str, Any]:
    """The profile as JSON has it."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(profile), default=date.isoformat))
    return values


def member_from(values: Mapping[str, Any]) -> MemberProfile:
    """The member whose values these are."""
    born = values.get("birth_date")
    return MemberProfile(
        **{
            **values,
            "birth_date": born and date.fromisoformat(born),
            "address": _address_from(values),
            "emergency_contacts": tuple(EmergencyContact(**one) for one in values.get("emergency_contacts") or ()),
        }
    )


def payer_from(values: Mapping[str, Any]) -> PayerProfile:
    """The payer whose values these are."""
    numbers = {TaxNumber(kind): number for kind, number in (values.get("tax_numbers") or {}).items()}
    return PayerProfile(**{**values, "address": _address_from(values), "tax_numbers": numbers})


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields whose values differ, in the order of the profile."""
    return tuple(name for name in after if before.get(name) != after[name])


def _address(entry: Entry, typed: TypedAddress | None) -> Address | None:
    if typed is None:
        return None
    country = entry.country_code("address/country", typed.country)
    return Address(
        street=entry.needed("address/street", typed.street),
        city=entry.needed("address/city", typed.city),
        postal_code=entry.postal_code("address/postal_code", typed.postal_code, country),
        region=entry.text("address/region", typed.region, limit=NAME_CHARACTERS_MAX),
        country=country,
    )


def _address_from(values: Mapping[str, Any]) -> Address | None:
    found = values.get("address")
    return None if found is None else Address(**found)
