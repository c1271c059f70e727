"""The 200 members of the story's gym: made up, the same at every run."""

import csv
import io
import itertools
from dataclasses import dataclass

_FIRST = (
    "Alice", "Benoît", "Chloé", "David", "Élise", "François", "Gabrielle", "Hugo", "Inès", "Jérôme", "Karine", "Louis",
    "Maude", "Nicolas", "Océane", "Philippe", "Rosalie", "Simon", "Théo", "Zoé",
)  # fmt: skip
_LAST = ("Tremblay", "Gagnon", "Roy", "Côté", "Bouchard", "Gauthier", "Morin", "Lavoie", "Fortin", "Ouellet")


@dataclass(frozen=True, slots=True)
class Person:
    """One member as the import file has them; `number` counts from 1."""

    number: int
    first_name: str
    last_name: str
    card: str
    token: str

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def badge_name(self) -> str:
        """As the live page shows them."""
        return f"{self.first_name} {self.last_name[0]}."


def people(count: int = 200) -> list[Person]:
    """The members; the first letters differ enough to be told apart on a screen."""
    names = itertools.islice(itertools.product(_LAST, _FIRST), count)
    return [
        Person(number, first, last, f"{0x0F00270000 + number * 0x101:010X}", f"card_{number:04d}")
        for number, (last, first) in enumerate(names, start=1)
    ]


def as_csv(members: list[Person], *, plan: str, contract_start: str, billed_from: str) -> str:
    """The import file."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["first_name", "last_name", "email", "card", "plan", "contract_start", "billed_from", "payment_token"]
    )
    for one in members:
        email = f"member{one.number}@example.org"
        writer.writerow([one.first_name, one.last_name, email, one.card, plan, contract_start, billed_from, one.token])
    return out.getvalue()
