"""Why an invoice run stopped itself, and when it would, in the reader's words."""

from collections.abc import Mapping

from portillon_cloud.billing.forecast.figures import Bounds, Leaving
from portillon_cloud.billing.forecast.stops import OpenStop
from portillon_cloud.locale.words import Words
from portillon_cloud.money import PPM, Money
from portillon_cloud.web.wording import N_

_SAYS: Mapping[Leaving, str] = {
    Leaving.TOO_MUCH: N_(
        "%(due)s subscriptions were due, for about %(foretold)s. The run would have billed %(billed)s."
    ),
    Leaving.TOO_LITTLE: N_(
        "%(due)s subscriptions were due, for about %(foretold)s. The run would have billed only %(billed)s."
    ),
    Leaving.TOO_MANY_REPAIRS: N_(
        "%(due)s subscriptions were due, and the run would have put right %(repairs)s lines of earlier invoices."
    ),
}


def stop_texts(stop: OpenStop, words: Words) -> list[str]:
    """A sentence for each way in which the run left its forecast."""
    figures = stop.figures
    facts = {
        "due": words.number(figures.due),
        "foretold": words.money(Money(figures.foretold_minor, stop.currency)),
        "billed": words.money(Money(figures.billed_minor, stop.currency)),
        "repairs": words.number(figures.repairs),
    }
    return [words.say(_SAYS[one]) % facts for one in stop.leavings]


def bounds_texts(bounds: Bounds, currency: str, words: Words) -> list[str]:
    """When a run stops itself, a sentence for each way."""
    facts = {
        "most": words.rate(bounds.billed_percent_most * _PPM_PER_PERCENT),
        "least": words.rate(bounds.billed_percent_least * _PPM_PER_PERCENT),
        "amount": words.money(Money(bounds.difference_minor_least, currency)),
        "repairs": words.number(bounds.repairs_least),
        "share": words.rate(bounds.repairs_percent_most * _PPM_PER_PERCENT),
    }
    return [words.say(one) % facts for one in _BOUNDS]


_PPM_PER_PERCENT = PPM // 100
_BOUNDS = (
    N_("It would bill more than %(most)s of what was foretold, and at least %(amount)s more."),
    N_("It would bill less than %(least)s of what was foretold, and at least %(amount)s less."),
    N_("It would put right %(repairs)s or more lines of earlier invoices, for more than %(share)s of what is due."),
)
