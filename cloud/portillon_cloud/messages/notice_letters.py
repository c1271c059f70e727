"""The letter of each kind of notice, in both languages. Pure: values in, subject and body out.

Every letter says what happens, from which day, what it costs or gives back, what may be done about it, and which clause
says so. What must be seen stands alone in a line of its own.
"""

import datetime
from dataclasses import dataclass, fields

from babel.dates import format_date

from portillon_cloud.messages.notices import Notice, kind_of
from portillon_cloud.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whom and what a letter is about. `link`: the page on which one leaves, or accepts; None: at the desk only."""

    gym: str
    payer: str
    member: str
    plan: str
    currency: str
    territory: str = "CA"
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A written letter."""

    subject: str
    body: str


_TEXTS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "renewal_comes": (
            "Your membership goes on after {last_day} unless you say no",
            "The term of {plan} for {member} is over on {last_day}. It then goes on by itself until "
            "{renewed_last_day}, at {cycle_minor} per period.\n\n"
            "*** You may say no, at no cost, up to and including {until_on}. ***",
        ),
        "renewal_offered": (
            "Your membership ends on {last_day}. Would you like another {months} months?",
            "The term of {plan} for {member} is over on {last_day}. It does not renew itself: if you do nothing, it "
            "ends and nothing more is charged.\n\n"
            "We offer you another {months} months at {cycle_minor} per period, taxes included. It is agreed once you "
            "accept in writing.",
        ),
        "price_changes": (
            "The price of {plan} changes on {from_on}",
            "{plan} for {member} costs {was_minor} per period today, taxes included. "
            "From your period that begins on {from_on} it costs {becomes_minor}.\n\n"
            "*** If you do not agree, you may leave at no cost: tell us up to and including {until_on}. ***",
        ),
        "renewal_agreed": (
            "Your membership goes on until {last_day}",
            "On {agreed_on} it was agreed that {plan} for {member} goes on until {last_day}, on the terms you have.",
        ),
        "price_stays": (
            "The price of {plan} stays as it is",
            "We told you of a new price of {plan} for {member} from {from_on}. It will not come: it stays {was_minor} "
            "per period, taxes included. You need not do anything.",
        ),
        "cancelled": (
            "Your cancellation is confirmed",
            "On {told_on} you cancelled {plan} for {member}. The last day with it is {last_day}; nothing of it is "
            "charged after that.{back}",
        ),
        "withdrawn": (
            "Your withdrawal is confirmed",
            "On {told_on} you withdrew from the contract on {plan} for {member}. It is over, and you owe nothing more "
            "than what you used.{back}",
        ),
        "freeze_agreed": (
            "Your freeze is confirmed",
            "{plan} for {member} is frozen from {on} to {last_day}. The turnstile does not open in that time, and the "
            "membership costs nothing.{fee}",
        ),
        "way_to_leave": (
            "Your link to cancel your membership",
            "On {asked_on} somebody asked for a link to cancel {plan} for {member}. If it was not you, you need not do "
            "anything.",
        ),
    },
    "fr": {
        "renewal_comes": (
            "Votre abonnement continue après le {last_day} si vous ne dites pas non",
            "L’abonnement {plan} de {member} arrive à son terme le {last_day}. Il est ensuite reconduit tacitement "
            "jusqu’au {renewed_last_day}, à {cycle_minor} par période.\n\n"
            "*** Vous pouvez refuser cette reconduction, sans frais, jusqu’au {until_on} inclus. ***",
        ),
        "renewal_offered": (
            "Votre abonnement prend fin le {last_day}. Voulez-vous {months} mois de plus ?",
            "L’abonnement {plan} de {member} prend fin le {last_day}. Il ne se renouvelle pas de lui-même : si vous ne "
            "faites rien, il s’arrête et plus rien ne vous est demandé.\n\n"
            "Nous vous proposons {months} mois de plus, à {cycle_minor} par période, taxes comprises. L’accord se fait "
            "quand vous acceptez par écrit.",
        ),
        "price_changes": (
            "Le prix de {plan} change le {from_on}",
            "L’abonnement {plan} de {member} coûte aujourd’hui {was_minor} par période, taxes comprises. "
            "À partir de votre période qui commence le {from_on}, il coûte {becomes_minor}.\n\n"
            "*** Si vous n’êtes pas d’accord, vous pouvez partir sans frais : dites-le-nous jusqu’au {until_on} "
            "inclus. ***",
        ),
        "renewal_agreed": (
            "Votre abonnement continue jusqu’au {last_day}",
            "Le {agreed_on}, il a été convenu que l’abonnement {plan} de {member} continue jusqu’au {last_day}, aux "
            "conditions que vous avez.",
        ),
        "price_stays": (
            "Le prix de {plan} ne change pas",
            "Nous vous avions annoncé un nouveau prix de l’abonnement {plan} de {member} à partir du {from_on}. Il "
            "n’en sera rien : le prix reste de {was_minor} par période, taxes comprises. Vous n’avez rien à faire.",
        ),
        "cancelled": (
            "Votre résiliation est confirmée",
            "Le {told_on}, vous avez résilié l’abonnement {plan} de {member}. Il reste valable jusqu’au {last_day} "
            "inclus ; rien n’en est facturé après cette date.{back}",
        ),
        "withdrawn": (
            "Votre rétractation est confirmée",
            "Le {told_on}, vous vous êtes rétracté du contrat d’abonnement {plan} de {member}. Il est terminé, et vous "
            "ne devez rien de plus que ce que vous avez utilisé.{back}",
        ),
        "freeze_agreed": (
            "Le gel de votre abonnement est confirmé",
            "L’abonnement {plan} de {member} est gelé du {on} au {last_day}. Le tourniquet ne s’ouvre pas pendant "
            "ce temps, et l’abonnement ne coûte rien.{fee}",
        ),
        "way_to_leave": (
            "Votre lien pour résilier votre abonnement",
            "Le {asked_on}, quelqu’un a demandé un lien pour résilier l’abonnement {plan} de {member}. Si ce n’était "
            "pas vous, vous n’avez rien à faire.",
        ),
    },
}
_BACK = {
    "en": " We pay {back_minor} back, by {back_by_on} at the latest.",
    "fr": " Nous vous remboursons {back_minor}, au plus tard le {back_by_on}.",
}
_BACK_LATER = {
    "en": " What you have paid too much is paid back by {back_by_on} at the latest.",
    "fr": " Ce que vous avez payé de trop vous est remboursé au plus tard le {back_by_on}.",
}
_BACK_BY_LAW = {"en": " ({clause})", "fr": " ({clause})"}
_FEE = {
    "en": " The fee agreed for it is {fee_minor} per period.",
    "fr": " Les frais convenus sont de {fee_minor} par période.",
}
_LINKS = {
    "en": {
        "renewal_offered": "Accept in writing: {link}",
        "way_to_leave": "Cancel your membership: {link}",
        "renewal_comes": "Cancel your membership: {link}",
        "price_changes": "Cancel your membership: {link}",
    },
    "fr": {
        "renewal_offered": "Accepter par écrit : {link}",
        "way_to_leave": "Résilier votre contrat : {link}",
        "renewal_comes": "Résilier votre contrat : {link}",
        "price_changes": "Résilier votre contrat : {link}",
    },
}
_DESK = {
    "en": {
        "renewal_offered": "Accept in writing at the desk.",
        "renewal_comes": "Tell us at the desk, or by answering this letter.",
        "price_changes": "Tell us at the desk, or by answering this letter.",
    },
    "fr": {
        "renewal_offered": "Acceptez par écrit à l’accueil.",
        "renewal_comes": "Dites-le à l’accueil, ou en répondant à cette lettre.",
        "price_changes": "Dites-le à l’accueil, ou en répondant à cette lettre.",
    },
}
_FRAME = {"en": "Hello {payer},\n\n{text}\n\n{gym}\n", "fr": "Bonjour {payer},\n\n{text}\n\n{gym}\n"}
_LAST_DAYS = {"ends_on": "last_day", "renewed_until_on": "renewed_last_day"}  # people count the day before as the end


def write_notice(notice: Notice, language: str, about: About) -> Letter:
    """The letter in that language; an unknown language reads English."""
    spoken = language if language in _TEXTS else "en"
    kind = kind_of(notice)
    subject, text = _TEXTS[spoken][kind]
    values = _values(notice, spoken, about)
    back = _BACK if "back_minor" in values else _BACK_LATER
    values["back"] = _said_if(back[spoken], values, needs="back_by_on")
    if values["back"] and "clause" in values:
        values["back"] += _BACK_BY_LAW[spoken].format(**values)
    values["fee"] = _said_if(_FEE[spoken], values, needs="fee_minor")
    where = _LINKS[spoken].get(kind) if about.link else _DESK[spoken].get(kind)
    if "clause" in values and not values["back"]:
        text += "\n\n({clause})"
    if where is not None:
        text += f"\n\n{where}"
    # Values come in once: what a name or a plan says is never read as a place for another.
    said = text.format(**values)
    return Letter(subject.format(**values), _FRAME[spoken].format(payer=about.payer, text=said, gym=about.gym))


def _said_if(text: str, values: dict[str, str], *, needs: str) -> str:
    return text.format(**values) if needs in values else ""


def _values(notice: Notice, spoken: str, about: About) -> dict[str, str]:
    """Each value as people read it; what is nothing is not said."""
    locale = f"{spoken}_{about.territory}"
    values = {"plan": about.plan, "member": about.member, "link": about.link or ""}
    for name in (one.name for one in fields(notice)):
        value = getattr(notice, name)
        if not value:
            continue
        if name.endswith("_minor"):
            values[name] = Money(value, about.currency).format(spoken, about.territory)
        elif name == "on" or name.endswith("_on"):
            values[name] = _day(value, spoken, locale)
            if name in _LAST_DAYS:
                values[_LAST_DAYS[name]] = _day(_eve(value), spoken, locale)
            if name == "until_on" and "last_day" not in values:
                values["last_day"] = _day(_eve(value), spoken, locale)
        else:
            values[name] = str(value)
    return values


def _eve(day: datetime.date) -> datetime.date:
    return day - datetime.timedelta(days=1)


def _day(day: datetime.date, spoken: str, locale: str) -> str:
    said: str = format_date(day, "long", locale=locale)
    return said.replace("1 ", "1er ", 1) if spoken == "fr" and day.day == 1 else said
