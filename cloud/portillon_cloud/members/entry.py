"""What people type about people: each value read into one form, or named with what to write instead. Pure.

The desk, the API and an import all come through here, so that one word is wrong everywhere or nowhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

import phonenumbers
from babel import Locale
from email_validator import EmailNotValidError, validate_email
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from portillon_cloud.errors import PermanentError
from portillon_cloud.locale.words import Words
from portillon_cloud.members.tax_numbers import TaxNumber, read_tax_number

NAME_CHARACTERS_MAX = 100
LINE_CHARACTERS_MAX = 200
OLDEST_YEARS = 130


def N_(text: str) -> str:
    """Marks a text for the catalogue; the name is gettext's."""
    return text


class Fault(Enum):
    """What can be wrong with a value: the text says what to write instead."""

    MISSING = N_("this is needed")
    TOO_LONG = N_("%(limit)s characters at most")
    UNSEEN = N_("it has a line break or a character that cannot be seen: type it anew")
    EMAIL = N_("this is no e-mail address: write one, such as marie@example.org")
    PHONE = N_(
        "no phone has this number: write all of it, from another country with its code, such as +33 1 42 68 53 00"
    )
    IBAN = N_("the check digits of this IBAN do not fit: compare it with the bank's statement")
    TAX_NUMBER = N_("this is no %(kind)s number: compare it, digit by digit, with the letter of registration")
    COUNTRY = N_("name the country by its two letters, such as CA or FR")
    POSTAL_CODE = N_("no postal code of %(country)s looks like this: write it as in %(example)s")
    DATE = N_("this is no date: write it as YYYY-MM-DD, such as 1990-01-31")
    BIRTH_DATE = N_("nobody alive was born on this day: look at the year")
    TOO_MANY = N_("%(limit)s at most")


@dataclass(frozen=True, slots=True)
class Wrong:
    """One field that is not as it must be; `field` is its name in the API, in forms and in files."""

    field: str
    fault: Fault
    given: tuple[tuple[str, str], ...] = ()

    def said(self, language: str = "en") -> str:
        """What is wrong and what to do, without the field's name."""
        return Words(language).say(self.fault.value, **dict(self.given))


class EntryRefusedError(PermanentError):
    """Some fields are not as they must be, and nothing was written; `wrong` names each."""

    def __init__(self, wrong: tuple[Wrong, ...]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.said()}" for one in wrong))
        self.wrong = wrong


@dataclass(slots=True)
class Entry:
    """Reads the values of one form, body or line, and gathers what is wrong; a wrong one reads as not given.

    `country`: where a phone number without a code is from (ISO 3166-1).
    """

    country: str
    wrong: list[Wrong] = field(default_factory=list)

    def done(self) -> None:
        """Raises EntryRefusedError if anything was wrong."""
        if self.wrong:
            raise EntryRefusedError(tuple(self.wrong))

    def text(self, name: str, value: str | None, *, limit: int = LINE_CHARACTERS_MAX) -> str | None:
        """One line; None if nothing is in it."""
        line = (value or "").strip()
        if len(line) > limit:
            self._refuse(name, Fault.TOO_LONG, limit=str(limit))
            return None
        if not line.isprintable():
            self._refuse(name, Fault.UNSEEN)
            return None
        return line or None

    def needed(self, name: str, value: str | None, *, limit: int = NAME_CHARACTERS_MAX) -> str:
        """One line that may not be empty."""
        if not (value or "").strip():
            self._refuse(name, Fault.MISSING)
            return ""
        return self.text(name, value, limit=limit) or ""

    def email(self, name: str, value: str | None) -> str | None:
        """An address that could be written to, its host in small letters; no server is asked."""
        line = self.text(name, value)
        if line is None:
            return None
        try:
            return validate_email(line, check_deliverability=False).normalized
        except EmailNotValidError:
            self._refuse(name, Fault.EMAIL)
            return None

    def phone(self, name: str, value: str | None) -> str | None:
        """A number that a numbering plan has, as +15145550100 (E.164)."""
        line = self.text(name, value)
        if line is None:
            return None
        try:
            number = phonenumbers.parse(line, self.country)
        except phonenumbers.NumberParseException:
            self._refuse(name, Fault.PHONE)
            return None
        if not phonenumbers.is_valid_number(number):
            self._refuse(name, Fault.PHONE)
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def needed_phone(self, name: str, value: str | None) -> str:
        """A phone number that may not be left out."""
        return self.phone(name, value) or "" if self.needed(name, value, limit=LINE_CHARACTERS_MAX) else ""

    def iban(self, name: str, value: str | None) -> str | None:
        """A bank account (ISO 13616), without spaces; its check digits and its country's form are held."""
        line = self.text(name, value)
        if line is None:
            return None
        try:
            return IBAN(line).compact
        except SchwiftyException:
            self._refuse(name, Fault.IBAN)
            return None

    def tax_numbers(self, name: str, values: Mapping[TaxNumber, str]) -> dict[TaxNumber, str]:
        """Registrations, each checked by its register's own rule."""
        found = {}
        for kind, value in values.items():
            line = self.text(f"{name}/{kind}", value)
            if line is None:
                continue
            number = read_tax_number(kind, line)
            if number is None:
                self._refuse(f"{name}/{kind}", Fault.TAX_NUMBER, kind=kind.value)
            else:
                found[kind] = number
        return found

    def country_code(self, name: str, value: str | None) -> str:
        """Two letters of ISO 3166-1; empty if wrong."""
        code = self.needed(name, value).upper()
        if code and not _is_country(code):
            self._refuse(name, Fault.COUNTRY)
            return ""
        return code

    def postal_code(self, name: str, value: str | None, country: str) -> str | None:
        """A postal code in the form of its country, where that form is known here."""
        line = self.text(name, value, limit=12)
        if line is None:
            return None
        form = _POSTAL.get(country)
        if form is None:
            return line.upper()
        match = form.pattern.fullmatch(line.upper())
        if match is None:
            self._refuse(name, Fault.POSTAL_CODE, country=country, example=form.example)
            return None
        return " ".join(part for part in match.groups() if part)

    def birth_date(self, name: str, value: date | str | None, today: date) -> date | None:
        """A day on which somebody alive may have been born."""
        day = self.day(name, value) if isinstance(value, str) else value
        if day is None:
            return None
        if not today.year - OLDEST_YEARS <= day.year or day > today:
            self._refuse(name, Fault.BIRTH_DATE)
            return None
        return day

    def day(self, name: str, value: str) -> date | None:
        """A date as YYYY-MM-DD."""
        if not value.strip():
            return None
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            self._refuse(name, Fault.DATE)
            return None

    def at_most(self, name: str, count: int, limit: int) -> None:
        """No more than `limit` of something."""
        if count > limit:
            self._refuse(name, Fault.TOO_MANY, limit=str(limit))

    def _refuse(self, name: str, fault: Fault, **given: str) -> None:
        self.wrong.append(Wrong(name, fault, tuple(sorted(given.items()))))


@dataclass(frozen=True, slots=True)
class _PostalForm:
    """The groups of `pattern` are written with a space between them."""

    pattern: re.Pattern[str]
    example: str


# Canada Post, Addressing Guidelines: no D, F, I, O, Q, U anywhere; W and Z never first. The others: Universal Postal
# Union, postal addressing systems, by country.
_CA = "ABCEGHJKLMNPRSTVWXYZ"
_POSTAL = {
    "CA": _PostalForm(re.compile(rf"([ABCEGHJ-NPRSTVXY][0-9][{_CA}])[ -]?([0-9][{_CA}][0-9])"), "H2X 1Y4"),
    "FR": _PostalForm(re.compile(r"([0-9]{5})"), "75011"),
    "BE": _PostalForm(re.compile(r"([1-9][0-9]{3})"), "1000"),
    "CH": _PostalForm(re.compile(r"([1-9][0-9]{3})"), "1201"),
    "LU": _PostalForm(re.compile(r"(?:L-?)?([0-9]{4})"), "1009"),
    "DE": _PostalForm(re.compile(r"([0-9]{5})"), "10115"),
    "US": _PostalForm(re.compile(r"([0-9]{5}(?:-[0-9]{4})?)"), "05401"),
}


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES and code in Locale("en").territories


# Codes that CLDR knows beside countries: unions, outlying oceans, tests.
_NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
