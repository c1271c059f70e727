"""What an answer rests on, so that door, journal, `explain` and front desk can all show the same."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rule that spoke, the feed row that it rests on, and the revision of the table that the row was read from.

    `row` is `kind/key`; the credential's own row is `entitlement` alone, since whatever shows evidence names the
    credential too. No row: the rule looked at the gateway or the door itself. A grant rests on its entitlement.
    """

    rule: str
    row: str | None = None
    revision: int | None = None

    def __str__(self) -> str:
        """The one spelling, of what there is: `schedule schedule/mornings @42`, `entitlement @42`, `lane @42`."""
        row = None if self.row == self.rule else self.row
        revision = None if self.revision is None else f"@{self.revision}"
        return " ".join(word for word in (self.rule, row, revision) if word)


NO_EVIDENCE = Evidence("none")
"""Of an answer that no rule gave."""
AT_THE_READER = Evidence("reader")
"""Of what was refused before anybody was looked up: a kind that is not taken, a forged pass, a wrong PIN."""
