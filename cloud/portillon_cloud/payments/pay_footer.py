"""The link to pay by, below a letter about money: put there when the letter leaves, so that it is kept nowhere."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from portillon_cloud.dunning.ladder import LetterKind
from portillon_cloud.messages.operations import Leaving
from portillon_cloud.payments.pay_link import LINK_DAYS, PayLinks

KINDS = frozenset(
    {
        LetterKind.BEFORE_DUE,
        LetterKind.PAYMENT_FAILED,
        LetterKind.REMINDER,
        LetterKind.FINAL_NOTICE,
        LetterKind.ACTION_REQUIRED,
        LetterKind.PROMISE_BROKEN,
    }
)
"""Letters after which the payer can help themselves."""

_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "en": "Pay now, give us another card, or confirm with your bank within {days} days, no password:\n{link}",
        "fr": "Payez, donnez une autre carte ou confirmez avec votre banque d’ici {days} jours, sans mot de passe :"
        "\n{link}",
    }
)


def pay_footer(links: PayLinks) -> Callable[[Leaving], str]:
    """What stands below a letter that leaves; empty below those that are about something else."""

    def below(letter: Leaving) -> str:
        if letter.kind not in KINDS:
            return ""
        link = links.link(letter.organisation_id, letter.account_id, now_ms=letter.written_at_ms)
        return _TEXTS.get(letter.language, _TEXTS["en"]).format(days=LINK_DAYS, link=link)

    return below
