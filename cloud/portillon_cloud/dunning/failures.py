"""Why a charge failed, as far as the ladder cares: what a retry can cure, and what only the payer can. Pure.

Codes are those of Stripe (decline codes), of ISO 20022 for SEPA (AC04), of NACHA for ACH (R01) and of CPA 005 for
Canadian debits (901).
"""

import re
from enum import StrEnum

from portillon_cloud.payments.provider import is_hard


class FailureClass(StrEnum):
    """One kind of failure; each may have a ladder of its own."""

    SOFT = "soft"  # the bank said no for now: too little on the account, a limit, a busy issuer
    HARD = "hard"  # it will say no for ever: lost, stolen, closed, forbidden
    AUTHENTICATION = "authentication"  # the payer must confirm with their bank
    DEBIT_RETURN = "debit_return"  # a bank debit or cheque that came back
    NO_METHOD = "no_method"  # there is nothing to charge
    EXPIRED_CARD = "expired_card"  # the bank may have sent a new one, and the network may tell us


RETRIES_CURE = frozenset({FailureClass.SOFT, FailureClass.DEBIT_RETURN, FailureClass.EXPIRED_CARD})
"""What time alone may cure; the card networks forbid to try the others again (see caps.py)."""

_OF_CODE = {
    "no_payment_method": FailureClass.NO_METHOD,
    "no_provider": FailureClass.NO_METHOD,
    "authentication_required": FailureClass.AUTHENTICATION,
    "expired_card": FailureClass.EXPIRED_CARD,
    "debit_returned": FailureClass.DEBIT_RETURN,
    "bounced": FailureClass.DEBIT_RETURN,
}
_DEAD_DEBITS = frozenset(
    {
        *(
            "AC01",
            "AC04",
            "AC06",
            "AG01",
            "MD01",
            "MD07",
            "MS02",
            "SL01",
        ),  # no such account, closed, no mandate, refused
        *("R02", "R03", "R04", "R05", "R07", "R08", "R10", "R16", "R20", "R29"),
        *("902", "903", "905", "907", "909", "911", "912"),
    }
)
"""Returns after which the same debit comes back again (general knowledge of the three schemes' code lists)."""
_DEBIT_CODE = re.compile(r"[A-Z]{2}[0-9]{2}|R[0-9]{2}|9[0-9]{2}")


def failure_class(code: str) -> FailureClass:
    """The class of a decline or return code; one that nobody knows is soft."""
    if code in _OF_CODE:
        return _OF_CODE[code]
    if is_hard(code) or code in _DEAD_DEBITS:
        return FailureClass.HARD
    return FailureClass.DEBIT_RETURN if _DEBIT_CODE.fullmatch(code) else FailureClass.SOFT
