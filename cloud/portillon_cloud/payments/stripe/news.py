"""What Stripe tells of an organisation's accounts (`ProviderNews`): signed events, and what they are about.

An intent is what we call a charge: whatever names Stripe's charge is led back to its intent, which carries our key.
Accounts that have ended are heard like the current one: banks take money back months later.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import stripe
from pydantic import BaseModel, ConfigDict, ValidationError
from stripe import StripeClient

from portillon_cloud.payments.inbox.news import (
    ChargeSeen,
    DisputeFee,
    DisputeSeen,
    DisputeState,
    Event,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    MethodSeen,
    NewsAwayError,
    NewsForgedError,
    NewsOf,
    RefundSeen,
)
from portillon_cloud.payments.provider_accounts import accounts_of
from portillon_cloud.payments.stripe import answers
from portillon_cloud.payments.stripe.account import PAGE, REFERENCE
from portillon_cloud.payments.stripe.methods import DEBITS, seen_method
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.payments.tables import STRIPE

TOLERANCE_S = 300
"""How old a signature may be (https://docs.stripe.com/webhooks#replay-attacks); Stripe signs each sending anew."""

EVENTS_MOST = 100_000
"""So many are read at once: Stripe keeps events for 30 days, and a chain's 30 days are fewer."""

_STATES: Mapping[str, DisputeState] = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY_ANSWERED,
    "warning_closed": DisputeState.INQUIRY_CLOSED,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.ANSWERED,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
_HEARD = ("needs_response", "warning_needs_response")
_SHOWN_AS: Mapping[EvidenceKind, str] = {
    EvidenceKind.CONTRACT: "customer_signature",
    EvidenceKind.RECEIPT: "receipt",
    EvidenceKind.LETTERS: "customer_communication",
    EvidenceKind.VISITS: "service_documentation",
    EvidenceKind.CANCELLATION: "cancellation_policy",
    EvidenceKind.OTHER: "uncategorized_file",
}
"""Where Stripe takes a file of each kind (https://docs.stripe.com/api/disputes/evidence_object)."""

_Found = TypeVar("_Found")


class _Paper(io.BytesIO):
    """Bytes with a name, as the SDK sends them."""

    name = ""


class _About(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str = ""


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore")

    object: _About


class _Told(BaseModel):
    """What is read of a webhook: never the state of what it is about, which may be old."""

    model_config = ConfigDict(extra="ignore")

    id: str
    type: str
    created: int
    data: _Data


@dataclass(frozen=True, slots=True)
class StripeNews:
    """The accounts, the current one first. `webhook_secrets`: with which their endpoints sign.

    `ours`: as `StripeAccount` has it; a charge without it is none of ours.
    """

    clients: Sequence[StripeClient] = field(repr=False)
    webhook_secrets: Sequence[str] = field(default=(), repr=False)
    ours: str = ""

    def verify(self, headers: Mapping[str, str], body: bytes) -> Event:
        """What a webhook says. Raises NewsForgedError."""
        signature = headers.get("stripe-signature")
        if not any(_signed(body, signature, secret) for secret in self.webhook_secrets):
            raise NewsForgedError("no signature of this account's endpoints, or one that is too old")
        try:
            told = _Told.model_validate_json(body)
        except ValidationError as error:
            raise NewsForgedError("signed, but no event: is the endpoint's payload style 'snapshot'?") from error
        return Event(id=told.id, kind=told.type, object_id=told.data.object.id, created_s=told.created)

    def events_since(self, since_s: int) -> Sequence[Event]:
        """Every event created at or after then, newest first."""
        try:
            return [event for client in self.clients for event in _listed(client, since_s)]
        except stripe.StripeError as error:
            raise _away(error) from error

    def fetch_charge(self, reference: str) -> ChargeSeen | None:
        """The intent now, of its own name or of one of Stripe's charges."""
        intent = self._intent(reference)
        return None if intent is None else ChargeSeen(key=self._key(intent), answer=answers.of_intent(intent))

    def fetch_refund(self, reference: str) -> RefundSeen | None:
        """The refund now."""
        refund = self._found(lambda client: client.v1.refunds.retrieve(reference))
        return None if refund is None else RefundSeen(key=self._key(refund), answer=answers.of_refund(refund))

    def fetch_dispute(self, reference: str) -> DisputeSeen | None:
        """The dispute now."""
        dispute = self._found(lambda client: client.v1.disputes.retrieve(reference))
        return None if dispute is None else self._dispute(dispute)

    def fetch_method(self, reference: str) -> MethodSeen | None:
        """The payment method now; of a mandate, the method that it is for, usable while the mandate is."""
        if not reference.startswith("mandate_"):
            method = self._found(lambda client: client.v1.payment_methods.retrieve(reference))
            return None if method is None else seen_method(method)
        mandate = self._found(lambda client: client.v1.mandates.retrieve(reference))
        if mandate is None:
            return None
        method_id = mandate.payment_method
        named = method_id if isinstance(method_id, str) else method_id.id
        method = self._found(lambda client: client.v1.payment_methods.retrieve(named))
        return None if method is None else seen_method(method, mandate=mandate)

    def submit_evidence(self, reference: str, evidence: Evidence) -> DisputeSeen:
        """Send the evidence to the bank, for good: the text, which documents show it, and those that are whole."""
        shown = "".join(f"\n- {name}" for name in evidence.documents)
        text = f"{evidence.text}\n\nDocuments:{shown}" if shown else evidence.text

        def send(client: StripeClient) -> stripe.Dispute:
            there = client.v1.disputes.retrieve(reference)
            if there.status not in _HEARD:
                return there  # too late, or sent before; and no account is shown papers that another one asked for
            given: Any = {"uncategorized_text": text}  # the SDK knows these names, but not from a table
            for one in evidence.files:
                given[_SHOWN_AS[one.kind]] = self._upload(client, one, key=f"{self.ours}{evidence.key}:{one.kind}")
            try:
                return client.v1.disputes.update(
                    reference,
                    {"evidence": given, "submit": True},
                    {"idempotency_key": self.ours + evidence.key},
                )
            except stripe.InvalidRequestError:  # too late, or sent before: it is where it is
                return client.v1.disputes.retrieve(reference)

        sent = self._found(send)
        if sent is None:
            raise NewsAwayError(f"no account of the organisation at Stripe knows dispute {reference}")
        return self._dispute(sent)

    @staticmethod
    def _upload(client: StripeClient, one: EvidenceFile, *, key: str) -> str:
        """Hand a document in; Stripe's name for it."""
        paper = _Paper(one.content)
        paper.name = one.name
        made = client.v1.files.create({"purpose": "dispute_evidence", "file": paper}, {"idempotency_key": key})
        return made.id

    def _dispute(self, dispute: stripe.Dispute) -> DisputeSeen:
        named = dispute.payment_intent or dispute.charge
        intent = self._intent(named if isinstance(named, str) else named.id)
        due_s = dispute.evidence_details.due_by
        return DisputeSeen(
            reference=dispute.id,
            key=None if intent is None else self._key(intent),
            state=_STATES.get(dispute.status, DisputeState.OPEN),
            amount_minor=dispute.amount,
            currency=dispute.currency.upper(),
            reason=dispute.reason,
            debit=self._is_debit(dispute),
            answer_by_ms=None if due_s is None else due_s * 1000,
            fees=[
                DisputeFee(reference=one.id, fee_minor=one.fee, currency=one.currency.upper())
                for one in dispute.balance_transactions
                if one.fee
            ],
        )

    def _is_debit(self, dispute: stripe.Dispute) -> bool:
        """Whether a bank took a debit back. The dispute itself names its means only if that is no debit."""
        if dispute.payment_method_details is not None:
            return False
        named = dispute.charge if isinstance(dispute.charge, str) else dispute.charge.id
        charge = self._found(lambda client: client.v1.charges.retrieve(named))
        details = None if charge is None else charge.payment_method_details
        return details is not None and details.type in DEBITS

    def _key(self, one: stripe.PaymentIntent | stripe.Refund) -> str | None:
        found = str(one.metadata.to_dict().get(REFERENCE, "")) if one.metadata else ""
        return found.removeprefix(self.ours) if found and found.startswith(self.ours) else None

    def _intent(self, reference: str) -> stripe.PaymentIntent | None:
        named: str | None = reference
        if reference.startswith(("ch_", "py_")):
            charge = self._found(lambda client: client.v1.charges.retrieve(reference))
            of = None if charge is None else charge.payment_intent
            named = of if of is None or isinstance(of, str) else of.id
        return None if named is None else self._found(lambda client: client.v1.payment_intents.retrieve(named))

    def _found(self, ask: Callable[[StripeClient], _Found]) -> _Found | None:
        for client in self.clients:
            try:
                return ask(client)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise _away(error) from error
            except stripe.StripeError as error:
                raise _away(error) from error
        return None


def news_of(provider: StripeProvider) -> NewsOf:
    """What the organisations' accounts tell; of one that never had an account: nothing."""

    def of(organisation_id: int, name: str) -> StripeNews | None:
        if name != STRIPE:
            return None
        with provider.db.read() as conn:
            accounts = accounts_of(conn, provider.keyring, organisation_id=organisation_id, provider=STRIPE)
        if not accounts:
            return None
        return StripeNews(
            [provider.at(account).client for account in accounts],
            [account.webhook_secret for account in accounts if account.webhook_secret is not None],
            provider.ours,
        )

    return of


def _listed(client: StripeClient, since_s: int) -> Iterator[Event]:
    listed = client.v1.events.list({"created": {"gte": since_s}, "limit": PAGE})
    for one in islice(listed.auto_paging_iter(), EVENTS_MOST):
        yield Event(id=one.id, kind=one.type, object_id=str(getattr(one.data.object, "id", "")), created_s=one.created)


def _signed(body: bytes, signature: str | None, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True


def _away(error: stripe.StripeError) -> NewsAwayError:
    return NewsAwayError(f"Stripe gives no answer now ({type(error).__name__} {error.http_status or ''})")
