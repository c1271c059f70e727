"""What a check is: one query whose every row is a breach, and the sentence that tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from portillon_cloud.money import Money


def N_(text: str) -> str:
    """Marks a text for the catalogue; the name is gettext's."""
    return text


ROWS_MOST = 100
"""Breaches of one check that are told one by one; a fault that touches all documents is seen from as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach: `facts` are the numbers that do not agree; those named `…_minor` are money in `currency`."""

    code: str
    subject: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that always holds.

    `sql` gives a row per breach, with its `subject`, the `currency` of its money and the facts that `says` names; it is
    asked with `organisation_id` and runs on both engines. `holds` is the rule itself, in the words of DESIGN §8.
    """

    code: str
    holds: str
    says: str
    sql: str

    def run(self, conn: Connection, organisation_id: int) -> list[Finding]:
        """Every breach, at most ROWS_MOST."""
        rows = conn.execute(text(f"{self.sql} LIMIT {ROWS_MOST}"), {"organisation_id": organisation_id})
        return [
            Finding(
                code=self.code,
                subject=row["subject"],
                facts={name: _plain(value) for name, value in row.items() if name != "subject"},
            )
            for row in rows.mappings()
        ]


def explained(says: str, finding: Finding, language: str) -> str:
    """The sentence `says` (in `language`) with the finding's facts in it."""
    currency = finding.facts.get("currency")
    shown = {
        name: Money(value, currency).format(language) if name.endswith("_minor") and currency else value
        for name, value in finding.facts.items()
    }
    return says.format(subject=finding.subject, **shown)


def _plain(value: Any) -> Any:
    """As JSON takes it: PostgreSQL sums integers to decimals, and gives dates as dates."""
    if value is None or isinstance(value, int | str):
        return value
    return int(value) if hasattr(value, "as_integer_ratio") else str(value)
