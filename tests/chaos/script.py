"""A gym's year as a script: who joins when with which card, and what each then asks for, at instants of business time.

Everything follows from the seed and the number of members. No two acts share an instant, and none has one of the
product's own (midnight, six in the morning): so what comes of them hangs on no order that chance could change.
"""

import datetime
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from portillon_cloud.payments.provider import CardBehaviour

START_MS = 1_767_243_600_000
"""2026-01-01, midnight in Montréal."""

DAY_MS = 24 * 3_600_000
DAYS = 366
PRICES = 2
"""That are lawful to sign for; the third, by the fortnight without a term, can only be changed to."""


class Kind(StrEnum):
    """What members and the desk do."""

    JOIN = "join"
    FREEZE = "freeze"
    RESUME = "resume"
    CHANGE_PRICE = "change_price"
    DISCOUNT = "discount"
    CANCEL = "cancel"
    KEEP = "keep"
    PAY_AT_DESK = "pay_at_desk"
    CHARGE_NOW = "charge_now"
    BAN = "ban"
    PARDON = "pardon"
    CARD_CHANGES = "card_changes"
    # Only where cards are kept by a payment service.
    PAY_BACK = "pay_back"
    DISPUTE = "dispute"
    CLEAR_DISPUTES = "clear_disputes"
    CARD_IS_REPLACED = "card_is_replaced"


_WEIGHTS = {
    Kind.JOIN: 2, Kind.FREEZE: 5, Kind.RESUME: 2, Kind.CHANGE_PRICE: 5, Kind.DISCOUNT: 3, Kind.CANCEL: 3, Kind.KEEP: 1,
    Kind.PAY_AT_DESK: 5, Kind.CHARGE_NOW: 3, Kind.BAN: 1, Kind.PARDON: 1, Kind.CARD_CHANGES: 6,
}  # fmt: skip

# Not among them: cards whose outcome hangs on when they are asked. A charge that is taken up after a crash is asked
# after sooner, so a debit on its way, or a yes that was lost, is heard of at another hour: rightly.
CARDS = (CardBehaviour.OK, CardBehaviour.INSUFFICIENT_FUNDS, CardBehaviour.EXPIRED_CARD)
_CARD_WEIGHTS = (8, 2, 1)

# At a payment service they are among them, for its year is compared without its instants. Whoever has one asks for
# nothing about money, so that nothing hangs on whether a debit was heard of before or after.
DEBITS = (CardBehaviour.DEBIT, CardBehaviour.DEBIT_RETURNED)
_DEBIT_WEIGHTS = (3, 1)
_QUIET = (Kind.BAN, Kind.PARDON)
_DISPUTERS = 0.2
_DISPUTED_AFTER_DAYS = 8  # of the period: it is decided and cleared before the next one is charged
_CLEARED_AFTER_DAYS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """Somebody who signs. `payer`: the number of who pays for them, None: they do; `card` None: they have none."""

    number: int
    starts_on: datetime.date
    price: int
    payer: int | None
    card: CardBehaviour | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that member `member` asks at an instant. `seed` decides what is left open: how long, which price."""

    number: int
    at_ms: int
    kind: Kind
    member: int
    seed: int
    joining: Joining | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """The whole year: who is there at its start, and what happens."""

    members: Sequence[Joining]
    acts: Sequence[Act]
    days: int
    at_service: bool = False


def script(seed: int, members: int, *, days: int = DAYS, at_service: bool = False) -> Script:
    """The year of that seed. `at_service`: cards and accounts are kept by a payment service, with all that follows."""
    chance = random.Random(f"{seed}:{members}:service" if at_service else f"{seed}:{members}")
    kept = _AtService(chance) if at_service else None
    joined = [_joining(chance, number, kept) for number in range(1, members + 1)]
    if kept is not None:
        for one in joined:
            kept.told(one)
    count = max(12, members * 3 * days // (2 * DAYS))
    acts: list[Act] = []
    for instant in sorted(chance.sample(range((days - 3) * len(_SECONDS)), count)):
        day, second = 2 + instant // len(_SECONDS), _SECONDS[instant % len(_SECONDS)]
        kind = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        joining = None
        if kind is Kind.JOIN:
            on = _day(day) + datetime.timedelta(days=chance.randrange(20))
            joining = replace(_joining(chance, len(joined) + 1, kept), starts_on=on)
            joined.append(joining)
            if kept is not None:
                kept.told(joining)
        act = Act(
            number=0, at_ms=START_MS + day * DAY_MS + second * 1000, kind=kind,
            member=chance.randint(1, len(joined)), seed=chance.randrange(2**32), joining=joining,
        )  # fmt: skip
        if kept is None or kept.is_apart(act, day):
            acts.append(act if kept is None else kept.fitting(act))
    acts += [] if kept is None else kept.disputes(days)
    numbered = [replace(act, number=number) for number, act in enumerate(sorted(acts, key=_instant), start=1)]
    return Script(joined[:members], numbered, days, at_service=at_service)


class _AtService:
    """Who pays how, so that nobody's act hangs on when something was heard of."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._payer: dict[int, int] = {}
        self._card: dict[int, CardBehaviour | None] = {}
        self._taken: set[tuple[int, int]] = set()
        self._disputing: dict[int, Joining] = {}

    def card(self, number: int, payer: int | None) -> CardBehaviour | None:
        """With what a new member pays."""
        self._payer[number] = number if payer is None else self._payer[payer]
        self._card[number] = self._chance.choices([*CARDS, *DEBITS, None], [*_CARD_WEIGHTS, *_DEBIT_WEIGHTS, 1])[0]
        return self._card[number]

    def told(self, new: Joining) -> None:
        """Of some who pay by card the bank will take payments back."""
        if new.payer is None and new.card is CardBehaviour.OK and self._chance.random() < _DISPUTERS:
            self._disputing[new.number] = new

    def is_apart(self, act: Act, day: int) -> bool:
        """Whether it is the first of its account on its day."""
        of = (self._payer[act.member], day)
        first = of not in self._taken
        self._taken.add(of)
        return first or act.joining is not None

    def fitting(self, act: Act) -> Act:
        """The act, or one that has nothing to do with money."""
        payer = self._payer[act.member]
        quiet = self._card[payer] in DEBITS or payer in self._disputing
        if act.joining is None and quiet:
            return replace(act, kind=_QUIET[act.seed % len(_QUIET)])
        if act.kind is Kind.CHARGE_NOW and act.seed % 2:
            return replace(act, kind=Kind.PAY_BACK)
        return act

    def disputes(self, days: int) -> Iterable[Act]:
        """Once in some months of each who does, and pays for nobody else: nothing falls due until it is cleared."""
        paid_for = Counter(self._payer.values())
        alone = [one for one in self._disputing.values() if paid_for[one.number] == 1]
        for number, one in enumerate(alone):
            for month in range(0, days, 61):
                first_day = (one.starts_on - _day(0)).days + month
                steps = {
                    Kind.CARD_IS_REPLACED: first_day + 2,
                    Kind.DISPUTE: first_day + _DISPUTED_AFTER_DAYS,
                    Kind.CLEAR_DISPUTES: first_day + _DISPUTED_AFTER_DAYS + _CLEARED_AFTER_DAYS,
                }
                if max(steps.values()) < days - 1:
                    for kind, day in steps.items():
                        at_ms = START_MS + day * DAY_MS + 22 * 3_600_000 + number % 3_000 * 1_000
                        yield Act(number=0, at_ms=at_ms, kind=kind, member=one.number, seed=number)


_SECONDS = range(10 * 3600, 21 * 3600, 7)  # of the day; summer time moves them by an hour, to no instant of the product


def _instant(act: Act) -> int:
    return act.at_ms


def _day(day: int) -> datetime.date:
    return datetime.date(2026, 1, 1) + datetime.timedelta(days=day)


def _joining(chance: random.Random, number: int, kept: _AtService | None) -> Joining:
    payer = chance.randint(1, number - 1) if number > 1 and chance.random() < 0.15 else None
    card = chance.choices([*CARDS, None], [*_CARD_WEIGHTS, 1])[0] if kept is None else kept.card(number, payer)
    starts_on, price = _day(chance.randrange(31)), chance.randrange(PRICES)
    return Joining(number=number, starts_on=starts_on, price=price, payer=payer, card=card)
