"""Webhooks in words: kinds of events, how an endpoint does, how far an event is."""

from collections.abc import Mapping
from dataclasses import dataclass

from portillon_cloud.locale.words import Words
from portillon_cloud.web.wording import N_
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.endpoints import OLD_SECRET_MS
from portillon_cloud.webhooks.health import Health
from portillon_cloud.webhooks.tables import DeliveryState, EndpointState

KINDS: Mapping[EventKind, str] = {
    EventKind.MEMBER_CREATED: N_("A member was added"),
    EventKind.SUBSCRIPTION_STARTED: N_("A membership was agreed"),
    EventKind.SUBSCRIPTION_CHANGED: N_("A membership was changed"),
    EventKind.SUBSCRIPTION_ENDED: N_("A membership was given an end"),
    EventKind.INVOICE_ISSUED: N_("An invoice was issued"),
    EventKind.CREDIT_NOTE_ISSUED: N_("A credit note was issued"),
    EventKind.PAYMENT_SUCCEEDED: N_("Money came in"),
    EventKind.PAYMENT_FAILED: N_("A charge was refused"),
    EventKind.PAYMENT_ACTION_REQUIRED: N_("A payer must confirm with their bank"),
    EventKind.PAYMENT_RETURNED: N_("A bank took money back"),
    EventKind.DISPUTE_OPENED: N_("A dispute began"),
    EventKind.DISPUTE_ANSWERED: N_("The bank reads our answer to a dispute"),
    EventKind.DISPUTE_CLOSED: N_("A dispute is over"),
    EventKind.DISPUTE_CLEARED: N_("An account was cleared after a lost dispute"),
    EventKind.REFUND_PAID: N_("Money was paid back"),
    EventKind.ACCOUNT_SUSPECTED: N_("Cards were tried too often"),
    EventKind.STANDING_CHANGED: N_("Somebody’s standing changed"),
    EventKind.PASSAGE: N_("Somebody came through"),
    EventKind.ENDPOINT_FAILING: N_("An endpoint was turned off"),
    EventKind.PING: N_("A trial"),
}

STATES: Mapping[EndpointState, tuple[str, str]] = {
    EndpointState.ACTIVE: ("ok", N_("On")),
    EndpointState.PAUSED: ("idle", N_("Paused")),
    EndpointState.FAILING: ("bad", N_("Turned off: it kept failing")),
    EndpointState.GONE: ("bad", N_("Turned off: it wants nothing more")),
}

DELIVERIES: Mapping[DeliveryState, tuple[str, str]] = {
    DeliveryState.WAITING: ("idle", N_("Waiting")),
    DeliveryState.SENDING: ("idle", N_("Being sent")),
    DeliveryState.DELIVERED: ("ok", N_("Taken")),
    DeliveryState.GIVEN_UP: ("bad", N_("Given up")),
}


@dataclass(frozen=True, slots=True)
class WebhookWords:
    """The same in the reader's language."""

    words: Words

    def kind(self, kind: EventKind) -> str:
        """What happened."""
        return self.words.say(KINDS[kind])

    def kinds(self, one: Health) -> str:
        """What an endpoint wants to hear of."""
        return ", ".join(self.kind(kind) for kind in one.kinds) or self.words.say(N_("Everything"))

    def state(self, one: Health) -> tuple[str, str]:
        """Shape and word of an endpoint's state; one that fails but is still on is a warning."""
        shape, text = STATES[one.state]
        if one.state is EndpointState.ACTIVE and one.failing_since_real_ms is not None:
            return "warn", self.words.say(N_("On, but failing"))
        return shape, self.words.say(text)

    def delivery(self, state: DeliveryState) -> tuple[str, str]:
        """Shape and word of how far an event is."""
        shape, text = DELIVERIES[state]
        return shape, self.words.say(text)

    @property
    def both_sign_hours(self) -> int:
        """For how long the secret before signs too."""
        return OLD_SECRET_MS // 3_600_000
