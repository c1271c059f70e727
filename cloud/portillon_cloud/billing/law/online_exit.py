"""France: leaving online in three clicks (Code de la consommation L215-1-1, D215-1 to D215-3, from 1 June 2023).

Whoever sells online offers it, for contracts signed at the desk too. The steps are a list, so that what a page shows
can be held to the law before a member sees it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from portillon_cloud.billing.law.terms import Violation

CLICKS_MOST = 3


class Purpose(StrEnum):
    """What a step is for, in their order."""

    FIND = "find"  # from any page to the form
    IDENTIFY = "identify"  # who, which contract, from when
    CONFIRM = "confirm"  # a summary, and the button that sends it


class Asked(StrEnum):
    """What a step may ask."""

    NAME = "name"
    EMAIL_OR_ADDRESS = "email_or_address"
    CONTRACT = "contract"
    END = "end"
    REASON = "reason"  # only where leaving early hangs on one
    PASSWORD = "password"  # noqa: S105 - what must not be asked
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One page: its button's words in French, what it asks."""

    purpose: Purpose
    button: str
    asks: frozenset[Asked] = frozenset()


STEPS = (
    Step(purpose=Purpose.FIND, button="Résilier votre contrat"),
    Step(
        purpose=Purpose.IDENTIFY,
        button="Continuer",
        asks=frozenset({Asked.NAME, Asked.EMAIL_OR_ADDRESS, Asked.CONTRACT, Asked.END, Asked.REASON}),
    ),
    Step(purpose=Purpose.CONFIRM, button="Notifier la résiliation"),
)
"""Ours."""

_MAY_ASK = frozenset({Asked.NAME, Asked.EMAIL_OR_ADDRESS, Asked.CONTRACT, Asked.END, Asked.REASON})
_MUST_ASK = _MAY_ASK - {Asked.REASON}


def violations(steps: Sequence[Step]) -> Sequence[Violation]:
    """Every rule that these steps break; none: they may be shown."""
    found = []
    if len(steps) > CLICKS_MOST:
        found.append(Violation("L215-1-1", f"leaving takes {len(steps)} clicks; at most {CLICKS_MOST}"))
    if [step.purpose for step in steps] != list(Purpose):
        found.append(Violation("D215-1 to D215-3", "the steps are: find the form, identify, confirm a summary"))
    if steps and "résilier" not in steps[0].button.lower():
        found.append(Violation("D215-1", f"the first button says “Résilier votre contrat”, not “{steps[0].button}”"))
    if steps and "notif" not in steps[-1].button.lower():
        found.append(
            Violation("D215-3", f"the last button says “notification de la résiliation”, not “{steps[-1].button}”")
        )
    asked = frozenset().union(*(step.asks for step in steps))
    if Asked.PASSWORD in asked:
        found.append(Violation("D215-1", "nobody needs an account of the gym's site to leave"))
    if Asked.PAYMENT in asked:
        found.append(Violation("L215-1-1", "leaving costs nothing"))
    missing = sorted(_MUST_ASK - asked)
    if missing:
        found.append(Violation("D215-2", f"the form also asks for: {', '.join(missing)}"))
    return found
