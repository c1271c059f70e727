"""The port to what a provider has to tell: its events, and the state of what they are about. Values only, no SQL.

An event says that something happened to an object; what the object is now is always asked for. So an old event, one
that comes twice or before another, and one whose content somebody made up, all lead to the same place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from portillon_cloud.errors import PermanentError, TransientError
from portillon_cloud.payments.provider import ChargeAnswer, RefundAnswer


class NewsForgedError(PermanentError):
    """The signature is missing, wrong or too old: nobody the provider knows sent this."""


class NewsAwayError(TransientError):
    """The provider does not answer now; ask again later."""


class Topic(StrEnum):
    """What an event is about."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    METHOD = "method"
    OTHER = "other"  # kept, and nothing follows from it here


_TOPICS: tuple[tuple[str, Topic], ...] = (
    ("payment_intent.", Topic.CHARGE),
    ("charge.dispute.", Topic.DISPUTE),
    ("charge.refund.", Topic.REFUND),
    ("refund.", Topic.REFUND),
    ("payment_method.attached", Topic.OTHER),  # who attached it keeps it
    ("payment_method.", Topic.METHOD),
    ("mandate.", Topic.METHOD),
)


def topic_of(kind: str) -> Topic:
    """What an event of this kind is about, by the names that Stripe gives them."""
    return next((topic for prefix, topic in _TOPICS if kind.startswith(prefix)), Topic.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """That something happened. `object_id`: of what it happened to; `created_s`: when, by the provider's clock."""

    id: str
    kind: str
    object_id: str
    created_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSeen:
    """A charge as it is now. `key`: the attempt's, which we gave with it; None: it is none of ours."""

    key: str | None
    answer: ChargeAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSeen:
    """A refund as it is now. `key`: what we gave with it; None: somebody made it by hand at the provider."""

    key: str | None
    answer: RefundAnswer


class DisputeState(StrEnum):
    """Where a dispute stands, as the provider sees it."""

    INQUIRY = "inquiry"  # the bank only asks: no money was taken, and an answer may prevent it
    INQUIRY_ANSWERED = "inquiry_answered"
    INQUIRY_CLOSED = "inquiry_closed"
    OPEN = "open"  # the money was taken; evidence may bring it back
    ANSWERED = "answered"  # the bank reads the evidence
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeFee:
    """What the provider keeps for a dispute (< 0: gives back). `reference`: its name for the movement."""

    reference: str
    fee_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeSeen:
    """A dispute as it is now. `key`: of the attempt whose charge it is; None: none of ours.

    `debit`: of a bank account, which hears no evidence; `answer_by_ms`: until when evidence is taken.
    """

    reference: str
    key: str | None
    state: DisputeState
    amount_minor: int
    currency: str
    reason: str
    debit: bool = False
    answer_by_ms: int | None = None
    fees: Sequence[DisputeFee] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSeen:
    """A payment method as it is now. `reference`: the last part of its token; `usable`: whether it may be charged.

    `scheme`: of a card, its network; None: not a card, or nobody knows.
    """

    reference: str
    label: str
    usable: bool
    exp_month: int | None = None
    exp_year: int | None = None
    scheme: str | None = None


class EvidenceKind(StrEnum):
    """What a document shows; of each there is one."""

    CONTRACT = "contract"  # what was agreed, with their signature
    RECEIPT = "receipt"  # what they were told that they paid
    LETTERS = "letters"  # what was written to each other
    VISITS = "visits"  # when they were here
    CANCELLATION = "cancellation"  # the terms on which one leaves
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """One document, whole."""

    kind: EvidenceKind
    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is said for us, and the documents that show it: by their names, and whole. `key`: sent twice, taken once."""

    key: str
    text: str
    documents: Sequence[str] = ()
    files: Sequence[EvidenceFile] = ()


class ProviderNews(Protocol):
    """One organisation's account at a provider. Called with no transaction open; network trouble is NewsAwayError."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> Event:
        """What a webhook says, if the provider signed it lately. `headers` in small letters. Raises NewsForgedError."""

    def events_since(self, since_s: int) -> Sequence[Event]:
        """Every event created at or after then, in any order. Raises NewsAwayError."""

    def fetch_charge(self, reference: str) -> ChargeSeen | None:
        """The charge now; None: there is none. Raises NewsAwayError, as all that follow."""

    def fetch_refund(self, reference: str) -> RefundSeen | None:
        """The refund now."""

    def fetch_dispute(self, reference: str) -> DisputeSeen | None:
        """The dispute now."""

    def fetch_method(self, reference: str) -> MethodSeen | None:
        """The payment method now, or the one that a mandate of this name is for."""

    def submit_evidence(self, reference: str, evidence: Evidence) -> DisputeSeen:
        """Send the evidence to the bank, for good."""


NewsOf = Callable[[int, str], ProviderNews | None]
"""The account of an organisation at a provider, by its name as in payment_method.provider; None: it has none."""
