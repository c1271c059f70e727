"""A year's book as France's tax office reads it: the fichier des écritures comptables (LPF, article A47 A-1). Pure.

1. A line names 18 columns, tab between them; every other line is one side of an entry: an account, debit or credit.
2. First come the balances that the year opened with, by account and customer; what earlier years earned is one line.
3. Then every entry in the order in which it was recorded. Nothing closes accounts of classes 6 and 7.
4. Entries are counted 1, 2, 3 … in each journal. What is recorded later comes later, so a number never changes.
5. Customers stand beside the accounts that are theirs (CompAuxNum), whose lines are lettered (lettering.py).
6. Days are AAAAMMJJ, amounts have a comma, the characters are ISO 8859-15.
"""

import datetime
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from portillon_cloud.accounting.lettering import Key, Lettering, Settled
from portillon_cloud.ledger import LedgerCode

COLUMNS = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
    "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise",
    "Idevise",
)  # fmt: skip
ENCODING = "iso8859-15"
_TAB, _END = "\t", "\r\n"


class Journal(StrEnum):
    """The journals of the file; the value is its code."""

    OPENING = "AN"
    SALES = "VE"
    TAKINGS = "EN"
    OTHER = "OD"


JOURNALS: Mapping[Journal, str] = MappingProxyType(
    {
        Journal.OPENING: "À nouveaux",
        Journal.SALES: "Ventes",
        Journal.TAKINGS: "Encaissements",
        Journal.OTHER: "Opérations diverses",
    }
)

# Plan comptable général (règlement ANC 2014-03, as of 2025).
ACCOUNTS: Mapping[LedgerCode, tuple[str, str]] = MappingProxyType(
    {
        LedgerCode.RECEIVABLE: ("411000", "Clients"),
        LedgerCode.DEFERRED_REVENUE: ("487000", "Produits constatés d'avance"),
        LedgerCode.REVENUE: ("706000", "Prestations de services"),
        LedgerCode.TAX_TPS: ("447100", "TPS collectée"),
        LedgerCode.TAX_TVQ: ("447200", "TVQ collectée"),
        LedgerCode.TAX_TVA: ("445710", "TVA collectée"),
        LedgerCode.PROVIDER_CLEARING: ("511500", "Cartes bancaires à l'encaissement"),
        LedgerCode.DISPUTED: ("467100", "Paiements contestés"),
        LedgerCode.CASH: ("530000", "Caisse"),
        LedgerCode.CHEQUES: ("511200", "Chèques à encaisser"),
        LedgerCode.BANK: ("512000", "Banque"),
        LedgerCode.MEMBER_CREDIT: ("419700", "Clients, autres avoirs"),
        LedgerCode.DEPOSITS: ("165000", "Dépôts et cautionnements reçus"),
        LedgerCode.REFUNDS_DUE: ("467000", "Remboursements dus aux clients"),
        LedgerCode.BAD_DEBT: ("654000", "Pertes sur créances irrécouvrables"),
        LedgerCode.PROVIDER_FEES: ("627000", "Services bancaires"),
        LedgerCode.BROUGHT_FORWARD: ("890000", "Bilan d'ouverture"),
    }
)
OF_CUSTOMERS = frozenset({LedgerCode.RECEIVABLE, LedgerCode.MEMBER_CREDIT, LedgerCode.DEPOSITS, LedgerCode.REFUNDS_DUE})
"""Accounts that are kept by customer."""

_CARRIED_GAIN = ("110000", "Report à nouveau (solde créditeur)")
_CARRIED_LOSS = ("119000", "Report à nouveau (solde débiteur)")
_RESULT_CLASSES = ("6", "7")


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays, beside an account that is kept by customer."""

    account_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Of one account: what is debited, less what is credited, in minor units."""

    code: LedgerCode
    debit_minor: int
    customer: Customer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FecEntry:
    """One entry of the book. `recorded_on`: since when it cannot change."""

    journal: Journal
    on: datetime.date
    recorded_on: datetime.date
    piece: str
    piece_on: datetime.date
    text: str
    sides: tuple[Side, ...]


def file_name(siren: str, through_on: datetime.date) -> str:
    """As the article names it: the firm, and the day on which its year ended."""
    return f"{siren}FEC{through_on:%Y%m%d}.txt"


def lines_of_customers(
    opening: Iterable[Side], entries: Iterable[FecEntry], *, from_on: datetime.date
) -> Iterator[tuple[Key, int, datetime.date]]:
    """What of the file is lettered, in its order: account and customer, debit less credit, the day of recording."""
    for (number, _), customer, debit_minor in _opening_rows(opening):
        if customer is not None:
            yield (number, customer.account_id), debit_minor, from_on
    for entry in entries:
        for side in entry.sides:
            if side.code in OF_CUSTOMERS and side.customer is not None:
                yield (ACCOUNTS[side.code][0], side.customer.account_id), side.debit_minor, entry.recorded_on


def fec_lines(
    opening: Iterable[Side], entries: Iterable[FecEntry], *, from_on: datetime.date, letters: Settled
) -> Iterator[bytes]:
    """The file, line by line; `opening` are the balances on the evening before `from_on`."""
    yield _encoded(COLUMNS)
    lettering = Lettering(letters)
    numbers: Counter[Journal] = Counter()
    first = _opening_rows(opening)
    if first:
        numbers[Journal.OPENING] += 1
        head = _Head(Journal.OPENING, 1, from_on, f"AN-{from_on.year}", from_on, "À nouveaux", from_on)
        for account, customer, debit_minor in first:
            yield head.line(account, customer, debit_minor, lettering)
    for entry in entries:
        if not entry.sides:
            continue
        numbers[entry.journal] += 1
        head = _Head(
            entry.journal,
            numbers[entry.journal],
            entry.on,
            entry.piece,
            entry.piece_on,
            entry.text,
            entry.recorded_on,
        )
        for side in entry.sides:
            customer = side.customer if side.code in OF_CUSTOMERS else None
            yield head.line(ACCOUNTS[side.code], customer, side.debit_minor, lettering)


def description(name: str) -> str:
    """What the article wants told with the file (II): its fields, codes and technical form."""
    journals = "\n".join(f"{journal.value} : {said}" for journal, said in JOURNALS.items())
    accounts = "\n".join(f"{number} : {said}" for number, said in sorted(ACCOUNTS.values()))
    return f"""Description du fichier {name} (LPF, article A47 A-1, II)

Fichier à plat, une ligne par enregistrement, fin de ligne CR LF, zones de longueur variable séparées par une
tabulation, première ligne : noms des zones. Jeu de caractères ISO 8859-15. Dates AAAAMMJJ. Montants en euros, virgule
décimale. Les zones sont les 18 de l'article, dans son ordre : {", ".join(COLUMNS)}.

Les écritures sont dans l'ordre de leur enregistrement ; dès lors elles ne changent plus (ValidDate). EcritureNum est
une suite continue par journal. Les comptes de tiers portent le numéro du payeur (CompAuxNum). Ils sont lettrés par
compte et par payeur, le plus ancien d'abord : les lignes d'une même lettre se soldent, DateLet est le jour
d'enregistrement de la dernière. Tous les montants sont en euros : Montantdevise et Idevise restent vides.

Journaux
{journals}

Comptes
{accounts}
"""


@dataclass(frozen=True, slots=True)
class _Head:
    journal: Journal
    number: int
    on: datetime.date
    piece: str
    piece_on: datetime.date
    text: str
    recorded_on: datetime.date

    def line(
        self, account: tuple[str, str], customer: Customer | None, debit_minor: int, lettering: Lettering
    ) -> bytes:
        number, name = account
        letter, settled_on = (
            ("", None) if customer is None else lettering.next((number, customer.account_id), debit_minor)
        )
        return _encoded(
            (
                self.journal.value,
                JOURNALS[self.journal],
                str(self.number),
                f"{self.on:%Y%m%d}",
                number,
                name,
                "" if customer is None else f"C{customer.account_id:06d}",
                "" if customer is None else customer.name,
                self.piece,
                f"{self.piece_on:%Y%m%d}",
                self.text,
                _amount(max(debit_minor, 0)),
                _amount(max(-debit_minor, 0)),
                letter,
                "" if settled_on is None else f"{settled_on:%Y%m%d}",
                f"{self.recorded_on:%Y%m%d}",
                "",
                "",
            )
        )


def _opening_rows(opening: Iterable[Side]) -> list[tuple[tuple[str, str], Customer | None, int]]:
    rows, carried_minor = [], 0
    for side in opening:
        number, _ = ACCOUNTS[side.code]
        if number.startswith(_RESULT_CLASSES):
            carried_minor += side.debit_minor
        elif side.debit_minor:
            rows.append((ACCOUNTS[side.code], side.customer, side.debit_minor))
    if carried_minor:
        rows.append((_CARRIED_LOSS if carried_minor > 0 else _CARRIED_GAIN, None, carried_minor))
    return sorted(rows, key=lambda row: (row[0][0], 0 if row[1] is None else row[1].account_id))


def _amount(minor: int) -> str:
    return f"{minor // 100},{minor % 100:02d}"


def _encoded(cells: Iterable[str]) -> bytes:
    return (_TAB.join(_plain(cell) for cell in cells) + _END).encode(ENCODING, "replace")


_WITHOUT_PARTS = str.maketrans("ŁłĐđĦħıŊŋ", "LlDdHhiNn")


def _plain(text: str) -> str:
    """On one line, without what separates; letters that the character set lacks lose their marks."""
    flat = " ".join("".join(" " if unicodedata.category(one).startswith("C") else one for one in text).split())
    return "".join(one if _fits(one) else _bare(one) for one in flat)


def _fits(letter: str) -> bool:
    return letter.encode(ENCODING, "ignore") != b""


def _bare(letter: str) -> str:
    return "".join(
        one for one in unicodedata.normalize("NFKD", letter.translate(_WITHOUT_PARTS)) if not unicodedata.combining(one)
    )
