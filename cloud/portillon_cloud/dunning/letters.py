"""What is written to a payer, in their language. Pure: facts in, subject and body out.

Every letter says what is owed, what happens next and when, and how to stop it. No card numbers, no reasons of the bank.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from babel.dates import format_date

from portillon_cloud.dunning.ladder import LetterKind
from portillon_cloud.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFacts:
    """What a letter may mention. `shut_on`: the day from which entry is refused if nothing is paid; None: it is not.

    `link`: the payer's own page, without a password.
    """

    gym: str
    payer: str
    invoice: str
    owed: Money
    due_on: date
    shut_on: date | None
    territory: str = "CA"
    link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """A written letter."""

    subject: str
    body: str


_TEXTS: dict[str, dict[LetterKind, tuple[str, str]]] = {
    "en": {
        LetterKind.PAYMENT_FAILED: (
            "Your payment of {owed} did not go through",
            "The payment of {owed} for invoice {invoice}, due on {due_on}, did not go through. "
            "We will try again if your card allows it; you can also pay at the desk.",
        ),
        LetterKind.REMINDER: (
            "Reminder: {owed} is still to be paid",
            "Invoice {invoice}, due on {due_on}, is still unpaid: {owed}. Please check your card, or pay at the desk.",
        ),
        LetterKind.FINAL_NOTICE: (
            "Last reminder: {owed} is still to be paid",
            "Invoice {invoice}, due on {due_on}, is still unpaid: {owed}. This is our last reminder. "
            "Please pay at the desk or give us another card.",
        ),
        LetterKind.ACTION_REQUIRED: (
            "Your bank asks you to confirm {owed}",
            "Your bank wants you to confirm the payment of {owed} for invoice {invoice} before it lets it through. "
            "Please confirm it in your bank's app, or come to the desk.",
        ),
        LetterKind.BEFORE_DUE: (
            "{owed} falls due on {due_on}",
            "Invoice {invoice} over {owed} falls due on {due_on}. There is nothing to do if your card is up to date: "
            "we charge it that day. Otherwise please pay at the desk by then.",
        ),
        LetterKind.PROMISE_BROKEN: (
            "We have not received {owed}",
            "You had told us a day for invoice {invoice}, due on {due_on}, and {owed} has not arrived. "
            "Please pay at the desk, or tell us what holds it up.",
        ),
        LetterKind.HANDED_OVER: (
            "{owed} is now with a collection agency",
            "Invoice {invoice}, due on {due_on}, is still unpaid: {owed}. We have handed it to a collection agency. "
            "You can still pay at the desk; that ends it.",
        ),
        LetterKind.CANCELLED_FOR_DUES: (
            "Your membership has ended",
            "Invoice {invoice}, due on {due_on}, is still unpaid: {owed}. We have ended your membership; nothing is "
            "added from today on. What was owed until then is still owed.",
        ),
        LetterKind.SUSPENDED: (
            "Your access is suspended",
            "Invoice {invoice}, due on {due_on}, is still unpaid: {owed}. The turnstile does not open for now. "
            "It opens again at once when the amount is paid.",
        ),
        LetterKind.RESTORED: (
            "Welcome back",
            "Your payment has arrived, thank you. The turnstile opens for you again.",
        ),
    },
    "fr": {
        LetterKind.PAYMENT_FAILED: (
            "Votre paiement de {owed} n’a pas abouti",
            "Le paiement de {owed} pour la facture {invoice}, échue le {due_on}, n’a pas abouti. "
            "Nous réessaierons si votre carte le permet ; vous pouvez aussi payer à l’accueil.",
        ),
        LetterKind.REMINDER: (
            "Rappel : {owed} restent à payer",
            "La facture {invoice}, échue le {due_on}, n’est pas encore payée : {owed}. "
            "Vérifiez votre carte ou payez à l’accueil.",
        ),
        LetterKind.FINAL_NOTICE: (
            "Dernier rappel : {owed} restent à payer",
            "La facture {invoice}, échue le {due_on}, n’est toujours pas payée : {owed}. "
            "Ceci est notre dernier rappel. Payez à l’accueil ou donnez-nous une autre carte.",
        ),
        LetterKind.ACTION_REQUIRED: (
            "Votre banque vous demande de confirmer {owed}",
            "Votre banque veut que vous confirmiez le paiement de {owed} pour la facture {invoice}. "
            "Confirmez-le dans l’application de votre banque, ou passez à l’accueil.",
        ),
        LetterKind.BEFORE_DUE: (
            "{owed} à payer le {due_on}",
            "La facture {invoice} de {owed} arrive à échéance le {due_on}. Si votre carte est à jour, vous n’avez rien "
            "à faire : nous la débiterons ce jour-là. Sinon, payez à l’accueil d’ici là.",
        ),
        LetterKind.PROMISE_BROKEN: (
            "Nous n’avons pas reçu {owed}",
            "Vous nous aviez annoncé un jour pour la facture {invoice}, échue le {due_on}, et {owed} ne sont pas "
            "arrivés. Payez à l’accueil, ou dites-nous ce qui vous en empêche.",
        ),
        LetterKind.HANDED_OVER: (
            "{owed} : dossier transmis à une agence de recouvrement",
            "La facture {invoice}, échue le {due_on}, n’est toujours pas payée : {owed}. Nous l’avons transmise à une "
            "agence de recouvrement. Vous pouvez encore payer à l’accueil ; le dossier sera clos.",
        ),
        LetterKind.CANCELLED_FOR_DUES: (
            "Votre abonnement a pris fin",
            "La facture {invoice}, échue le {due_on}, n’est toujours pas payée : {owed}. Nous avons mis fin à votre "
            "abonnement ; rien ne s’ajoute à partir d’aujourd’hui. Ce qui était dû jusque-là reste dû.",
        ),
        LetterKind.SUSPENDED: (
            "Votre accès est suspendu",
            "La facture {invoice}, échue le {due_on}, n’est toujours pas payée : {owed}. "
            "Le tourniquet ne s’ouvre plus pour l’instant. Il s’ouvrira de nouveau dès le paiement.",
        ),
        LetterKind.RESTORED: (
            "Bon retour",
            "Nous avons reçu votre paiement, merci. Le tourniquet s’ouvre de nouveau pour vous.",
        ),
    },
}
_SHUT_SOON = {
    "en": "\n\nIf it is not paid by then, the turnstile stops opening on {shut_on}.",
    "fr": "\n\nSans paiement d’ici là, le tourniquet ne s’ouvrira plus à partir du {shut_on}.",
}
_LINK = {
    "en": "\n\nPay, change your card or confirm, without a password: {link}",
    "fr": "\n\nPayez, changez de carte ou confirmez, sans mot de passe : {link}",
}
_FRAME = {"en": "Hello {payer},\n\n{text}\n\n{gym}\n", "fr": "Bonjour {payer},\n\n{text}\n\n{gym}\n"}
BEFORE_SHUT = frozenset(
    {
        LetterKind.PAYMENT_FAILED,
        LetterKind.REMINDER,
        LetterKind.FINAL_NOTICE,
        LetterKind.ACTION_REQUIRED,
        LetterKind.PROMISE_BROKEN,
    }
)
"""Letters that say when the door would shut."""


def write_letter(kind: LetterKind, language: str, facts: LetterFacts) -> Letter:
    """The letter in that language; an unknown language reads English."""
    spoken = language if language in _TEXTS else "en"
    locale = f"{spoken}_{facts.territory}"
    subject, text = _TEXTS[spoken][kind]
    values = {
        "owed": facts.owed.format(spoken, facts.territory),
        "invoice": facts.invoice,
        "due_on": _long(facts.due_on, locale),
        "link": facts.link or "",
        "shut_on": "" if facts.shut_on is None else _long(facts.shut_on, locale),
    }
    if facts.shut_on is not None and kind in BEFORE_SHUT:
        text += _SHUT_SOON[spoken]
    if facts.link is not None and kind not in (LetterKind.BEFORE_DUE, LetterKind.RESTORED):
        text += _LINK[spoken]
    body = _FRAME[spoken].format(payer=facts.payer, text=text.format(**values), gym=facts.gym)
    return Letter(subject.format(**values), body)


@lru_cache(maxsize=256)  # a morning's letters name few days
def _long(day: date, locale: str) -> str:
    return format_date(day, "long", locale=locale)
