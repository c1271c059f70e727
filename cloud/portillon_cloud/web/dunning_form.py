"""A ladder as an owner types it: days as a list, amounts in the book's currency. Pure; no float ever."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.policy import DAYS_MAX, DunningPolicy, Household, Ladder, Restriction, Rung
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.web.amount import AmountError, amount_minor, amount_text
from portillon_cloud.web.wording import N_

RESTRICTIONS_MAX = 6
ENDINGS: Mapping[str, str] = {
    "hand_over": N_("To the collectors"),
    "cancellation": N_("End of the membership"),
    "write_off": N_("Write-off"),
}
Typed = Mapping[str, Sequence[str]]


class UnreadError(ValueError):
    """What was typed into a field cannot be read; `label` names the field."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label


@dataclass(frozen=True, slots=True, kw_only=True)
class RungFields:
    """One row of the form: a day, an amount, and what is shut then."""

    day: str = ""
    least: str = ""
    switches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderFields:
    """The form as it is shown: what is kept, or what was typed."""

    retry_days: str
    reminder_days: str
    restrictions: tuple[RungFields, ...]
    endings: Mapping[str, RungFields]
    before_due_days: str
    promise_days: str
    promises: str
    household: str


def fields_of(policy: DunningPolicy, ladder: Ladder, currency: str, words: Words) -> LadderFields:
    """The form of a ladder that is kept; one row more for another restriction."""
    shown = [_rung_fields(one, currency, words) for one in ladder.restrictions]
    rows = [replace(row, switches=frozenset(one.switches)) for row, one in zip(shown, ladder.restrictions, strict=True)]
    kept = {name: getattr(ladder, name) for name in ENDINGS}
    return LadderFields(
        retry_days=_days_text(ladder.retry_days),
        reminder_days=_days_text(ladder.reminder_days),
        restrictions=(*rows, RungFields())[:RESTRICTIONS_MAX],
        endings={
            name: RungFields() if rung is None else _rung_fields(rung, currency, words) for name, rung in kept.items()
        },
        before_due_days=_days_text(policy.before_due_days),
        promise_days=str(policy.promise_days),
        promises=str(policy.promises),
        household=policy.household,
    )


def fields_typed(typed: Typed) -> LadderFields:
    """The form with what was typed, to be put right."""
    return LadderFields(
        retry_days=_one(typed, "retry_days"),
        reminder_days=_one(typed, "reminder_days"),
        restrictions=tuple(_row(typed, f"restriction{number}") for number in range(RESTRICTIONS_MAX)),
        endings={name: _row(typed, name) for name in ENDINGS},
        before_due_days=_one(typed, "before_due_days"),
        promise_days=_one(typed, "promise_days"),
        promises=_one(typed, "promises"),
        household=_one(typed, "household"),
    )


def typed_policy(before: DunningPolicy, failure: FailureClass | None, typed: Typed, currency: str) -> DunningPolicy:
    """The policy with the ladder of this failure as it was typed; None: its own ladder, and what holds beside them.

    What a row asks in other currencies stays. Raises UnreadError, PolicyInvalidError.
    """
    asked = fields_typed(typed)
    was = before if failure is None else before.by_failure.get(failure, before)
    ladder = Ladder(
        retry_days=_days(asked.retry_days, N_("Charge again on days")),
        reminder_days=_days(asked.reminder_days, N_("Write on days")),
        restrictions=_restrictions(asked.restrictions, was, currency),
        hand_over=_ending("hand_over", asked, was, currency),
        cancellation=_ending("cancellation", asked, was, currency),
        write_off=_ending("write_off", asked, was, currency),
    )
    if failure is not None:
        return replace(before, by_failure={**before.by_failure, failure: ladder})
    if asked.household not in set(Household):
        raise UnreadError(N_("Whom unpaid dues shut out"))
    return DunningPolicy(
        **{name: getattr(ladder, name) for name in ("retry_days", "reminder_days", "restrictions", *ENDINGS)},
        by_failure=before.by_failure,
        before_due_days=_days(asked.before_due_days, N_("Remind so many days before")),
        promise_days=_number(asked.promise_days, N_("A promised day may be so far off")),
        promises=_number(asked.promises, N_("Promises for one debt")),
        household=Household(asked.household),
    )


def _restrictions(rows: Sequence[RungFields], was: Ladder, currency: str) -> tuple[Restriction, ...]:
    label = N_("Suspension")
    found = []
    for row in rows:
        if row.day or row.switches:
            if not row.switches or not row.switches <= set(Switch):
                raise UnreadError(label)
            day = _number(row.day, label)
            elsewhere = {one.day: one.owed_minor_in for one in was.restrictions}.get(day, {})
            found.append(
                Restriction(
                    day=day,
                    owed_minor_min=_least(row.least, currency, label),
                    owed_minor_in=_but(elsewhere, currency),
                    switches=frozenset(Switch(one) for one in row.switches),
                )
            )
    return tuple(sorted(found, key=lambda one: one.day))


def _ending(name: str, asked: LadderFields, was: Ladder, currency: str) -> Rung | None:
    row, rung = asked.endings[name], getattr(was, name)
    if not row.day:
        return None
    return Rung(
        day=_number(row.day, ENDINGS[name]),
        owed_minor_min=_least(row.least, currency, ENDINGS[name]),
        owed_minor_in=_but({} if rung is None else rung.owed_minor_in, currency),
    )


def _but(amounts: Mapping[str, int], currency: str) -> dict[str, int]:
    return {one: minor for one, minor in amounts.items() if one != currency}


def _least(text: str, currency: str, label: str) -> int:
    if not text.strip(" 0.,"):
        return 1
    try:
        return amount_minor(text, currency)
    except AmountError as error:
        raise UnreadError(label) from error


def _number(text: str, label: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > DAYS_MAX:
        raise UnreadError(label)
    return int(text)


def _days(text: str, label: str) -> tuple[int, ...]:
    return tuple(sorted({_number(part, label) for part in re.split(r"[\s,;]+", text) if part}))


def _days_text(days: Sequence[int]) -> str:
    return ", ".join(map(str, days))


def _rung_fields(rung: Rung, currency: str, words: Words) -> RungFields:
    least = rung.least_minor(currency)
    return RungFields(day=str(rung.day), least="" if least == 1 else amount_text(Money(least, currency), words))


def _row(typed: Typed, name: str) -> RungFields:
    return RungFields(
        day=_one(typed, f"{name}:day"),
        least=_one(typed, f"{name}:least"),
        switches=frozenset(typed.get(f"{name}:switches", ())),
    )


def _one(typed: Typed, name: str) -> str:
    return typed[name][0].strip() if typed.get(name) else ""
