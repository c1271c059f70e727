"""What the desk reads: the one thing to do, in one sentence of either language."""

from collections.abc import Mapping

from portillon_cloud.desk.todo import TheOneThing, Todo
from portillon_cloud.locale.words import Words


def N_(text: str) -> str:
    """Marks a text for the catalogue and translates nothing."""
    return text


SAID: Mapping[Todo, str] = {
    Todo.SEE_BLOCK: N_("Somebody blocked them on purpose: see why before you let them in"),
    Todo.CONFIRM_PAYMENT: N_("Ask them to confirm %(amount)s in their bank's app"),
    Todo.WAIT_FOR_BANK: N_("Wait: %(amount)s is on its way from their bank"),
    Todo.TAKE_PAYMENT: N_("Take a payment of %(amount)s"),
    Todo.ANSWER_QUESTION: N_("A bill or a charge is in doubt: look at it with them"),
    Todo.UNFREEZE: N_("Their membership is frozen: bring them back"),
    Todo.SELL_MEMBERSHIP: N_("No membership runs: offer one"),
    Todo.ISSUE_CARD: N_("Issue a card"),
    Todo.REPLACE_CARD: N_("Ask for another card: the one on file will not work"),
    Todo.NOTHING: N_("Nothing to do"),
}


def said(thing: TheOneThing, words: Words) -> str:
    """The sentence."""
    if thing.amount is None:
        return words.say(SAID[thing.todo])
    return words.say(SAID[thing.todo], amount=words.money(thing.amount))
