"""One client per account, over one pool of connections per process; the version of the API is pinned.

A client never tries again by itself: what is sent again, and when, is `payments.backoff`'s to say.
"""

from dataclasses import dataclass, field

import httpx
import stripe
from stripe import StripeClient

from portillon_cloud.payments.stripe.errors import StripeKeyError

API_VERSION = "2026-10-28.endive"
"""What our reading of the answers was written for; the SDK that is locked is of this version."""

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 30  # a card takes seconds; what is not answered by then is unknown, and asked after
PREFIXES = {"test": ("sk_test_", "rk_test_"), "live": ("sk_live_", "rk_live_")}
"""How keys of each mode begin: secret ones, and restricted ones, which may do less."""


@dataclass(frozen=True, slots=True)
class Connections:
    """The pool; `test_url` is where test keys are taken instead of Stripe: a simulated service."""

    test_url: str | None = None
    _http: stripe.HTTPXClient = field(
        default_factory=lambda: stripe.HTTPXClient(
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S), allow_sync_methods=True
        ),
        repr=False,
    )

    def client(self, secret: str) -> StripeClient:
        """A client that shows this key. Live keys are shown to nobody but Stripe."""
        elsewhere = self.test_url is not None and mode_of(secret) == "test"
        return StripeClient(
            secret,
            stripe_version=API_VERSION,
            base_addresses={"api": str(self.test_url)} if elsewhere else {},
            max_network_retries=0,
            http_client=self._http,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()  # type: ignore[no-untyped-call]


def mode_of(secret: str) -> str:
    """Whether it is a test key or a live one. Raises StripeKeyError, which does not repeat the key."""
    for mode, prefixes in PREFIXES.items():
        if secret.startswith(prefixes):
            return mode
    raise StripeKeyError("a secret key of Stripe begins with sk_test_ or sk_live_ (or rk_, if it is restricted)")
