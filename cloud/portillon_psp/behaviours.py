"""What test cards and accounts do, by Stripe's own test names and numbers (https://docs.stripe.com/testing)."""

from dataclasses import dataclass
from enum import StrEnum

DAY_S = 86_400


class Later(StrEnum):
    """What becomes of a payment after it was made."""

    NOTHING = "nothing"
    DISPUTE = "dispute"
    INQUIRY = "inquiry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """`decline`: the bank's reason, None: it pays. `asks`: the payer confirms each time; `asks_once`: when set up."""

    last4: str
    brand: str = "visa"
    decline: str | None = None
    asks: bool = False
    asks_once: bool = False
    later: Later = Later.NOTHING
    reason: str = "fraudulent"  # of a dispute
    refund_fails: bool = False


CARDS = {
    "pm_card_visa": Behaviour(last4="4242"),
    "pm_card_mastercard": Behaviour(last4="4444", brand="mastercard"),
    "pm_card_amex": Behaviour(last4="8431", brand="amex"),
    "pm_card_chargeCustomerFail": Behaviour(last4="0341", decline="generic_decline"),
    "pm_card_visa_chargeDeclined": Behaviour(last4="0002", decline="generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Behaviour(last4="9995", decline="insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": Behaviour(last4="9987", decline="lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": Behaviour(last4="9979", decline="stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": Behaviour(last4="0069", decline="expired_card"),
    "pm_card_chargeDeclinedProcessingError": Behaviour(last4="0119", decline="processing_error"),
    "pm_card_radarBlock": Behaviour(last4="0019", decline="fraudulent"),
    "pm_card_authenticationRequired": Behaviour(last4="3184", asks=True),
    "pm_card_authenticationRequiredOnSetup": Behaviour(last4="3155", asks_once=True),
    "pm_card_createDispute": Behaviour(last4="0259", later=Later.DISPUTE),
    "pm_card_createDisputeProductNotReceived": Behaviour(
        last4="2685", later=Later.DISPUTE, reason="product_not_received"
    ),
    "pm_card_createDisputeInquiry": Behaviour(last4="1976", later=Later.INQUIRY),
    "pm_card_refundFail": Behaviour(last4="5126", refund_fails=True),
}

DEBITS = {
    ("sepa_debit", "DE89370400440532013000"): Behaviour(last4="3000"),
    ("sepa_debit", "DE62370400440532013001"): Behaviour(last4="3001", decline="insufficient_funds"),
    ("sepa_debit", "DE35370400440532013002"): Behaviour(last4="3002", later=Later.DISPUTE),
    ("sepa_debit", "FR1420041010050500013M02606"): Behaviour(last4="2606"),
    ("sepa_debit", "FR8420041010050500013M02607"): Behaviour(last4="2607", decline="insufficient_funds"),
    ("acss_debit", "000123456789"): Behaviour(last4="6789"),
    ("acss_debit", "000222222227"): Behaviour(last4="2227", decline="insufficient_funds"),
    ("us_bank_account", "000123456789"): Behaviour(last4="6789"),
    ("us_bank_account", "000111111113"): Behaviour(last4="1113", decline="account_closed"),
    ("us_bank_account", "000222222227"): Behaviour(last4="2227", decline="insufficient_funds"),
    ("us_bank_account", "000555555559"): Behaviour(last4="5559", later=Later.DISPUTE),
}

SETTLES_AFTER_S = {"sepa_debit": 5 * DAY_S, "acss_debit": 5 * DAY_S, "us_bank_account": 4 * DAY_S}
"""How long a debit is under way (https://docs.stripe.com/payments/bank-debits#payment-confirmation, upper end)."""

MANDATE_DIES_AFTER_S = 36 * 30 * DAY_S  # unused for 36 months (SEPA Core rulebook 4.1)

CARD_ERROR_CODES = {
    "authentication_required": "authentication_required",
    "expired_card": "expired_card",
    "payment_intent_authentication_failure": "payment_intent_authentication_failure",
    "processing_error": "processing_error",
}
"""Declines with an error code of their own; all others are `card_declined`."""
