"""Why an invoice run stopped itself, in the reader's words."""

from collections.abc import Mapping

from portillon_cloud.billing.forecast.figures import Leaving
from portillon_cloud.billing.forecast.stops import OpenStop
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
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
