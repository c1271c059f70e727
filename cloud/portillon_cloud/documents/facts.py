"""What a contract says in writing, gathered from what was agreed: each place of the wording with its text."""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from portillon_cloud.billing import event_store
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.catalogue import Price, prices_of_entity
from portillon_cloud.billing.errors import UnknownSubscriptionError
from portillon_cloud.billing.life import life_on
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.tables import contract, plan, subscription
from portillon_cloud.billing.tax import rates_on, tax
from portillon_cloud.billing.timeline import Discounted, Event, Started, payer_of, stretches
from portillon_cloud.billing.wanted import Piece, wanted
from portillon_cloud.documents.errors import N_, FactMissingError
from portillon_cloud.documents.phrases import Payment, Phrases, address_line
from portillon_cloud.documents.tables import Signer, seller_particulars
from portillon_cloud.documents.template import BOXED, PLACES, REQUIRED
from portillon_cloud.documents.wording import dictated
from portillon_cloud.locale.words import Words
from portillon_cloud.members.profiles import member_profile, payer_profile
from portillon_cloud.members.tables import account, legal_entity, member, organisation, site
from portillon_cloud.money import split
from portillon_cloud.secrets import Keyring

_OPEN_MONTHS = 12  # of an open-ended contract so much is looked at for its first payment
_MAY_BE_EMPTY = frozenset({"withdrawal_statement", "renewal_statement"})  # where the case does not arise
_WHERE = {"payer_address": "the profile of who pays, or of the member"}
_WHERE_ELSE = "what contracts say of the seller (PUT /api/v1/legal-entities/{id}/particulars)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that one contract's document needs. `words`: what whoever signs agrees to."""

    contract_id: int
    account_id: int
    law: str
    language: str
    signer: Signer
    values: Mapping[str, str]
    words: str
    box: str
    seller: str
    recipient: str | None
    today: datetime.date

    def require(self, places: frozenset[str]) -> None:
        """Raises FactMissingError with all that the law wants in writing, is in the wording, and nobody entered."""
        clauses = REQUIRED[self.law]
        missing = [
            f"{place} ({clauses[place]}): enter it in {_WHERE.get(place, _WHERE_ELSE)}"
            for place in sorted(places & (set(clauses) - _MAY_BE_EMPTY))
            if not self.values[place]
        ]
        if missing:
            raise FactMissingError(
                N_("The law wants in the contract what nobody has entered yet: %(missing)s."),
                missing="; ".join(missing),
            )


def contract_facts(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    subscription_id: int,
    language: str | None,
    now_ms: int,
) -> Facts:
    """The facts of a subscription's contract now; `language` None: the payer's. Raises UnknownSubscriptionError."""
    row = _row(conn, organisation_id, subscription_id)
    speaks = language or row.language
    words = Words(speaks, row.country, row.time_zone)
    today = words.local(now_ms).date()
    phrases = Phrases(words, row.currency)
    recorded = event_store.recorded(conn, [subscription_id])[subscription_id]
    events = [one.event for one in recorded]
    prices = prices_of_entity(conn, row.legal_entity_id)
    life = life_on(recorded, max(today, row.starts_on))
    price = prices[life.tariff.price_id]
    sold = conn.execute(select(plan).where(plan.c.id == price.plan_id)).one()
    who = member_profile(conn, keyring, organisation_id, row.member_id)
    payer = payer_profile(conn, keyring, organisation_id, row.account_id)
    due = _payments(events, row, prices)
    agreement = agreement_of(conn, row.contract_id)
    seller = conn.execute(
        select(seller_particulars).where(seller_particulars.c.legal_entity_id == row.legal_entity_id)
    ).one_or_none()
    member_name = f"{row.first_name} {row.last_name}"
    minor = who.is_minor(today) is True
    at_distance = row.law == "fr" and row.at_distance
    values = dict.fromkeys(PLACES, "") | {
        "seller_name": row.seller,
        "seller_address": "" if seller is None else seller.address,
        "seller_contact": "" if seller is None else seller.contact,
        "seller_permit": "" if seller is None else seller.permit or "",
        "seller_mediator": "" if seller is None else seller.mediator or "",
        "seller_tax_numbers": ", ".join(f"{name} {number}" for name, number in row.tax_numbers.items()),
        "place_address": "" if seller is None else seller.places.get(str(row.site_id), seller.address),
        "payer_name": payer.name,
        "payer_address": address_line(payer.address or who.address),
        "member_name": member_name,
        "member_birth_date": "" if who.birth_date is None else words.day(who.birth_date),
        "signed_on": words.day(today),
        "plan": phrases.plan(sold.name, sold.zones, sold.schedule, sold.visits),
        "starts_on": words.day(row.starts_on),
        "term": phrases.term(row.starts_on, row.ends_on),
        "price": phrases.price(life.tariff.cycle_minor, life.tariff.interval, inclusive=price.tax_inclusive),
        "discounts": _discounts(events, phrases),
        "joining_fee": _joining(events, phrases),
        "total": "" if row.ends_on is None else phrases.money(sum(one.amount_minor for one in due)),
        "payments": phrases.payments(due, life.tariff.interval, open_ended=row.ends_on is None) if due else "",
        "notice": phrases.leaving(agreement),
        "renewal": "" if row.ends_on is None else phrases.tell("renews" if row.renews else "ends"),
        "freeze": phrases.freeze(agreement.freeze),
    }
    said = {name for name in BOXED if name != "withdrawal_statement" or at_distance}
    values |= {name: dictated(name, speaks) for name in said}
    if row.law != "ca-qc" and row.ends_on is not None:
        values["total"] = phrases.tell("total", total=values["total"])
    agree = [phrases.tell("agree_guardian", member=member_name) if minor else phrases.tell("agree")]
    return Facts(
        contract_id=row.contract_id,
        account_id=row.account_id,
        law=row.law,
        language=speaks,
        signer=Signer.GUARDIAN if minor else Signer.MEMBER,
        values=values,
        words=" ".join([*agree, phrases.tell("agree_now")] if at_distance else agree),
        box=phrases.tell("box"),
        seller=row.seller,
        recipient=row.email,
        today=today,
    )


def _row(conn: Connection, organisation_id: int, subscription_id: int) -> Row[Any]:
    row: Any = conn.execute(
        select(
            subscription.c.contract_id, subscription.c.legal_entity_id, subscription.c.member_id,
            subscription.c.account_id, subscription.c.proration,
            contract.c.law, contract.c.starts_on, contract.c.ends_on, contract.c.renews, contract.c.at_distance,
            organisation.c.country, organisation.c.time_zone,
            legal_entity.c.name.label("seller"), legal_entity.c.currency, legal_entity.c.tax_regime,
            legal_entity.c.tax_numbers, legal_entity.c.payment_days,
            account.c.language, account.c.email,
            member.c.first_name, member.c.last_name, member.c.site_id,
        )
        .join(contract, contract.c.id == subscription.c.contract_id)
        .join(organisation, organisation.c.id == subscription.c.organisation_id)
        .join(legal_entity, legal_entity.c.id == subscription.c.legal_entity_id)
        .join(account, account.c.id == subscription.c.account_id)
        .join(member, member.c.id == subscription.c.member_id)
        .join(site, site.c.id == member.c.site_id)
        .where(subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
    found: Row[Any] = row
    return found


def _payments(events: Sequence[Event], row: Row[Any], prices: Mapping[int, Price]) -> list[Payment]:
    """What falls due by what is agreed, day by day, with the taxes as they stand."""
    until_on = row.ends_on or add_months(row.starts_on, _OPEN_MONTHS)
    by_day: defaultdict[datetime.date, list[Piece]] = defaultdict(list)
    for piece in wanted(stretches(events), until_on, Proration(row.proration)):
        if payer_of(piece.component) is None:
            by_day[piece.span.start.day].append(piece)
    due: list[Payment] = []
    for day in sorted(by_day):
        whole_minor = _taxed_minor(by_day[day], row.tax_regime, prices, day)
        count = prices[by_day[day][0].tariff.price_id].extras.instalments
        first_on = day + datetime.timedelta(days=row.payment_days)
        parts = enumerate(split(whole_minor, [1] * count))
        due += [Payment(add_months(first_on, months), minor) for months, minor in parts if minor]
    return sorted(due, key=lambda one: one.on)


def _taxed_minor(pieces: Sequence[Piece], regime: str, prices: Mapping[int, Price], on: datetime.date) -> int:
    first = prices[pieces[0].tariff.price_id]
    taxed = tax(
        tuple(piece.amount_minor for piece in pieces),
        tuple(prices[piece.tariff.price_id].taxable for piece in pieces),
        inclusive=first.tax_inclusive,
        rates=rates_on(regime, on, first.tax_category),
    )
    return taxed.total_minor


def _discounts(events: Sequence[Event], phrases: Phrases) -> str:
    said = []
    for event in events:
        if isinstance(event, Discounted):
            less = phrases.words.rate(event.share_ppm) if event.share_ppm else phrases.money(event.amount_minor)
            if event.until is None:
                said.append(phrases.tell("discount_for_good", code=event.code, less=less))
            else:
                until = phrases.words.last_day(event.until.day)
                said.append(phrases.tell("discount", code=event.code, less=less, until=until))
    return " ".join(said)


def _joining(events: Sequence[Event], phrases: Phrases) -> str:
    joining = sum(event.joining_minor for event in events if isinstance(event, Started))
    return phrases.tell("joining", amount=phrases.money(joining)) if joining else ""
