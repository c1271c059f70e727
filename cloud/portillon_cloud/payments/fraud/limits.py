"""How often cards may be tried, and what more than that makes one suspect. Pure.

    too often     one account, an hour          wait until the first try is an hour old
    many cards    one account, a day            held until a person has looked: somebody tries cards through a link
    many refusals one account, a day            the same
    one address   all accounts, an hour         wait; somebody goes through links, or the gym's own network is busy
    card testing  all refusals, an hour         no new cards for that hour: a list of stolen cards is being tried

What the worker charges by itself is never held: only what somebody does with a link, or has the desk do. A question
waits for what ends by itself, and for nothing else: whoever's card is refused has reason to ask.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Act(StrEnum):
    """What was done."""

    CARD_ASKED = "card_asked"  # the fields for a new card were opened
    CHARGE_ASKED = "charge_asked"  # somebody had what is due tried at once
    CHARGE_REFUSED = "charge_refused"  # and a bank said no
    QUESTION_ASKED = "question_asked"  # a payer asked about an invoice: no card is tried by it


class Suspicion(StrEnum):
    """Why a try is held."""

    TOO_OFTEN = "too_often"
    MANY_CARDS = "many_cards"
    MANY_REFUSALS = "many_refusals"
    ONE_ADDRESS = "one_address"
    CARD_TESTING = "card_testing"


UNTIL_CLEARED = frozenset({Suspicion.MANY_CARDS, Suspicion.MANY_REFUSALS})
"""Held until a person has looked. The others end by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many there may be; the next one is held."""

    tries_per_hour: int = 10
    cards_per_day: int = 5
    refusals_per_day: int = 8
    address_tries_per_hour: int = 30
    organisation_refusals_per_hour: int = 40


@dataclass(frozen=True, slots=True)
class Tried:
    """One try."""

    act: Act
    at_ms: int


@dataclass(frozen=True, slots=True)
class Held:
    """A try that is not let through. `until_ms` None: until a person has looked."""

    suspicion: Suspicion
    counted: int
    until_ms: int | None


def judge(
    act: Act,
    *,
    account: Sequence[Tried],
    address: Sequence[Tried],
    refusals: Sequence[int],
    limits: Limits,
    now_ms: int,
) -> Held | None:
    """Whether `act` is let through (None), by what was tried before.

    `account`, `address`: tries with the same account or from the same address; `refusals`: when banks said no to
    anybody of the organisation. What lies longer back than a rule's window is passed over.
    """
    return next(_broken(act, account, address, refusals, limits, now_ms), None)


def _broken(
    act: Act, account: Sequence[Tried], address: Sequence[Tried], refusals: Sequence[int], limits: Limits, now_ms: int
) -> Iterator[Held]:
    cards = _within([one.at_ms for one in account if one.act is Act.CARD_ASKED], DAY_MS, now_ms)
    if act is Act.CARD_ASKED and len(cards) >= limits.cards_per_day:
        yield Held(Suspicion.MANY_CARDS, len(cards), None)
    refused = _within([one.at_ms for one in account if one.act is Act.CHARGE_REFUSED], DAY_MS, now_ms)
    if act is not Act.QUESTION_ASKED and len(refused) >= limits.refusals_per_day:
        yield Held(Suspicion.MANY_REFUSALS, len(refused), None)
    of_all = _within(refusals, HOUR_MS, now_ms)
    if act is Act.CARD_ASKED and len(of_all) >= limits.organisation_refusals_per_hour:
        yield _for_now(Suspicion.CARD_TESTING, of_all, limits.organisation_refusals_per_hour)
    here = _within([one.at_ms for one in address if one.act is not Act.CHARGE_REFUSED], HOUR_MS, now_ms)
    if len(here) >= limits.address_tries_per_hour:
        yield _for_now(Suspicion.ONE_ADDRESS, here, limits.address_tries_per_hour)
    own = _within([one.at_ms for one in account if one.act is not Act.CHARGE_REFUSED], HOUR_MS, now_ms)
    if len(own) >= limits.tries_per_hour:
        yield _for_now(Suspicion.TOO_OFTEN, own, limits.tries_per_hour)


def _within(instants: Sequence[int], window_ms: int, now_ms: int) -> list[int]:
    return sorted(at_ms for at_ms in instants if at_ms > now_ms - window_ms)


def _for_now(suspicion: Suspicion, instants: Sequence[int], most: int) -> Held:
    """Until so many have passed out of the hour that there is room for one."""
    return Held(suspicion, len(instants), instants[len(instants) - most] + HOUR_MS)
