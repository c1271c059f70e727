"""The sentences of a contract that its terms decide, in both languages. Pure: facts in, text out."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from portillon_rules.entitlement import ALWAYS

from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.locale.words import Words
from portillon_cloud.members.profile import Address
from portillon_cloud.money import Money

_EN: Mapping[str, str] = {
    "every_day": "a day", "every_week": "a week", "every_month": "a month", "every_year": "a year",
    "every_days": "every {count} days", "every_weeks": "every {count} weeks", "every_months": "every {count} months",
    "price": "{amount} {every}", "on_top": "{price}, taxes on top",
    "discount": "Discount {code}: {less}, until {until}.", "discount_for_good": "Discount {code}: {less}.",
    "joining": "Joining fee, once, with the first payment: {amount}.",
    "term": "From {starts} to {last}, both included.", "open": "From {starts}, without a fixed term.",
    "renews": "At its end the contract goes on by itself, unless it is refused before.",
    "ends": "At its end the contract is over; it does not renew itself.",
    "pays_once": "One payment of {amount} on {first}.",
    "pays": "{count} payments of {amount}, the first on {first}, the last on {last}.",
    "pays_on": "The first payment, of {amount}, is due on {first}; the next {every}.",
    "total": "Total for the term, taxes included: {total}.",
    "no_freeze": "No freeze is agreed.",
    "freeze": "The membership may be frozen for {least} to {most} days at a time, at most {times} times and {year} days"
    " within any twelve months{notice}. {cost}",
    "freeze_notice": ", with {days} days of notice (none with a medical paper)",
    "freeze_free": "A freeze costs nothing, and the days paid and not had are given back.",
    "freeze_moves": "A freeze costs nothing, and the days paid and not had are added after it.",
    "freeze_fee": "A freeze costs {amount} {every}; the days paid and not had are given back.",
    "leave": "The contract may be ended at any time, with effect on the day that is asked for.",
    "leave_notice": "The contract may be ended with {days} days of notice, with effect at the end of the period in"
    " which that time runs out.",
    "leave_least": "It runs until {until} at least.",
    "plan": "{plan}. It opens: {zones}.", "hours": "At these hours: {hours}.",
    "pack": "{most} visits in all.", "quota_day": "At most {most} visits a day.",
    "quota_week": "At most {most} visits a week.", "quota_month": "At most {most} visits a month.",
    "agree": "I have read this contract, I agree to it, and I have received a copy of it.",
    "agree_guardian": "As parent or guardian of {member}, I have read this contract, I agree to it in their name and in"
    " mine, and I have received a copy of it.",
    "agree_now": "I ask that the service begin before the time to withdraw is over.",
    "at_desk": "at the desk, before {witness}", "by_link": "by the link that we sent",
    "box": "Accepted by", "below": "{seller} · contract {contract}, version {version}",
}  # fmt: skip
_FR: Mapping[str, str] = {
    "every_day": "par jour", "every_week": "par semaine", "every_month": "par mois", "every_year": "par an",
    "every_days": "tous les {count} jours", "every_weeks": "toutes les {count} semaines",
    "every_months": "tous les {count} mois",
    "price": "{amount} {every}", "on_top": "{price}, taxes en sus",
    "discount": "Rabais {code} : {less}, jusqu'au {until}.", "discount_for_good": "Rabais {code} : {less}.",
    "joining": "Frais d'inscription, une seule fois, avec le premier paiement : {amount}.",
    "term": "Du {starts} au {last} inclus.", "open": "À partir du {starts}, sans durée déterminée.",
    "renews": "À son terme, le contrat se poursuit par tacite reconduction, sauf refus auparavant.",
    "ends": "À son terme, le contrat prend fin ; il ne se renouvelle pas de lui-même.",
    "pays_once": "Un paiement de {amount} le {first}.",
    "pays": "{count} paiements de {amount}, le premier le {first}, le dernier le {last}.",
    "pays_on": "Le premier paiement, de {amount}, est dû le {first} ; le suivant {every}.",
    "total": "Total pour la durée du contrat, taxes comprises : {total}.",
    "no_freeze": "Aucun gel n'est convenu.",
    "freeze": "L'abonnement peut être gelé de {least} à {most} jours à la fois, au plus {times} fois et {year}"
    " jours sur douze mois{notice}. {cost}",
    "freeze_notice": ", avec un préavis de {days} jours (sans préavis sur pièce médicale)",
    "freeze_free": "Un gel ne coûte rien, et les jours payés non utilisés sont rendus.",
    "freeze_moves": "Un gel ne coûte rien, et les jours payés non utilisés s'ajoutent après lui.",
    "freeze_fee": "Un gel coûte {amount} {every} ; les jours payés non utilisés sont rendus.",
    "leave": "Le contrat peut être résilié à tout moment, avec effet au jour demandé.",
    "leave_notice": "Le contrat peut être résilié avec un préavis de {days} jours, avec effet à la fin de la période où"
    " ce délai expire.",
    "leave_least": "Il dure au moins jusqu'au {until}.",
    "plan": "{plan}. Accès : {zones}.", "hours": "Aux heures suivantes : {hours}.",
    "pack": "{most} visites en tout.", "quota_day": "Au plus {most} visites par jour.",
    "quota_week": "Au plus {most} visites par semaine.", "quota_month": "Au plus {most} visites par mois.",
    "agree": "J'ai lu ce contrat, je l'accepte et j'en ai reçu un exemplaire.",
    "agree_guardian": "En qualité de parent ou tuteur de {member}, j'ai lu ce contrat, je l'accepte en son nom et au"
    " mien, et j'en ai reçu un exemplaire.",
    "agree_now": "Je demande que le service commence avant la fin du délai de rétractation.",
    "at_desk": "à l'accueil, devant {witness}", "by_link": "par le lien que nous avons envoyé",
    "box": "Accepté par", "below": "{seller} · contrat {contract}, version {version}",
}  # fmt: skip
TEXTS: Mapping[str, Mapping[str, str]] = {"en": _EN, "fr": _FR}


@dataclass(frozen=True, slots=True)
class Payment:
    """What falls due on one day, taxes included."""

    on: datetime.date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Phrases:
    """Says the terms in the language of `words`; amounts are of `currency`."""

    words: Words
    currency: str

    def tell(self, name: str, **values: object) -> str:
        """The sentence of this name."""
        return TEXTS[self.words.language][name].format(**values)

    def money(self, amount_minor: int) -> str:
        """The amount with its currency."""
        return self.words.money(Money(amount_minor, self.currency))

    def every(self, interval: Interval) -> str:
        """'a month', 'every 4 weeks'."""
        if interval == Interval(IntervalUnit.MONTH, 12):
            return self.tell("every_year")
        if interval.count == 1:
            return self.tell(f"every_{interval.unit}")
        return self.tell(f"every_{interval.unit}s", count=interval.count)

    def price(self, amount_minor: int, interval: Interval, *, inclusive: bool) -> str:
        """What a period costs."""
        said = self.tell("price", amount=self.money(amount_minor), every=self.every(interval))
        return said if inclusive else self.tell("on_top", price=said)

    def term(self, starts_on: datetime.date, ends_on: datetime.date | None) -> str:
        """How long it runs; `ends_on` is the first day without it."""
        if ends_on is None:
            return self.tell("open", starts=self.words.day(starts_on))
        return self.tell("term", starts=self.words.day(starts_on), last=self.words.last_day(ends_on))

    def payments(self, due: Sequence[Payment], interval: Interval, *, open_ended: bool) -> str:
        """Each amount with its days; of an open-ended contract the first, and how often the next come."""
        if open_ended:
            first = due[0]
            every = self.every(interval)
            return self.tell("pays_on", amount=self.money(first.amount_minor), first=self._day(first), every=every)
        said = []
        for amount_minor, alike in groupby(due, key=lambda one: one.amount_minor):
            run = list(alike)
            said.append(
                self.tell(
                    "pays_once" if len(run) == 1 else "pays",
                    count=len(run),
                    amount=self.money(amount_minor),
                    first=self._day(run[0]),
                    last=self._day(run[-1]),
                )
            )
        return " ".join(said)

    def freeze(self, terms: FreezeTerms | None) -> str:
        """What of freezes is agreed."""
        if terms is None:
            return self.tell("no_freeze")
        cost = self.tell("freeze_moves" if terms.moves_on else "freeze_free")
        if terms.fee is not None:
            cost = self.tell(
                "freeze_fee", amount=self.money(terms.fee.cycle_minor), every=self.every(terms.fee.interval)
            )
        return self.tell(
            "freeze",
            least=terms.days_least,
            most=terms.days_most,
            times=terms.times_per_year,
            year=terms.days_per_year,
            notice=self.tell("freeze_notice", days=terms.notice_days) if terms.notice_days else "",
            cost=cost,
        )

    def leaving(self, agreement: Agreement) -> str:
        """How the contract is ended by whoever is bound by it."""
        said = self.tell("leave_notice", days=agreement.notice_days) if agreement.notice_days else self.tell("leave")
        if agreement.term_until_on is not None:
            said += " " + self.tell("leave_least", until=self.words.last_day(agreement.term_until_on))
        return said

    def plan(self, name: str, zones: Sequence[str], hours: str, visits: Mapping[str, int] | None) -> str:
        """What is sold: what it opens, when and how often."""
        said = [self.tell("plan", plan=name, zones=", ".join(zones))]
        if hours != ALWAYS:
            said.append(self.tell("hours", hours=hours))
        for per, most in (visits or {}).items():
            said.append(self.tell("pack" if per == "pack" else f"quota_{per}", most=most))
        return " ".join(said)

    def _day(self, payment: Payment) -> str:
        return self.words.day(payment.on)


def address_line(address: Address | None) -> str:
    """On one line; empty for none."""
    if address is None:
        return ""
    place = " ".join(part for part in (address.city, address.region, address.postal_code) if part)
    return ", ".join(part for part in (address.street, place, address.country) if part)
