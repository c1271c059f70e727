"""One client per account, over one pool of connections per process; the version of the API is pinned.

A client never tries again by itself: what is sent again, and when, is `payments.backoff`'s to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import stripe
from stripe import StripeClient

from portillon_cloud.payments.stripe.errors import StripeKeyError, WrongKey
from portillon_cloud.payments.stripe.pace import Pace

API_VERSION = "2026-10-28.endive"
"""What our reading of the answers was written for; the SDK that is locked is of this version."""

REQUESTS_PER_S = 20
"""Of one account: Stripe takes 25 a second at each door, of tests altogether (https://docs.stripe.com/rate-limits)."""

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 30  # a card takes seconds; what is not answered by then is unknown, and asked after
PREFIXES = {"test": ("sk_test_", "rk_test_"), "live": ("sk_live_", "rk_live_")}
"""How keys of each mode begin: secret ones, and restricted ones, which may do less."""


class _Http(stripe.HTTPClient):
    """The SDK's way to the network, over httpx: it tells what was never sent from what was never answered.

    The SDK has one of its own, which hands bodies over in a way that httpx gives up.
    """

    name = "httpx"

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(REQUESTS_PER_S)
        self._client = httpx.Client(timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S))

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request, once. Raises APIConnectionError from what httpx says."""
        self._pace.wait((headers or {}).get("Authorization", ""))
        try:
            answer = self._client.request(method, url, headers=headers, content=post_data)
        except httpx.HTTPError as error:
            said = f"{method} {httpx.URL(url).host}: {type(error).__name__}"
            raise stripe.APIConnectionError(said) from error  # type: ignore[no-untyped-call]
        return answer.text, answer.status_code, answer.headers

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


@dataclass(frozen=True, slots=True)
class Connections:
    """The pool; `test_url` is where test keys are taken instead of Stripe: a simulated service."""

    test_url: str | None = None
    _http: _Http = field(default_factory=_Http, repr=False)

    def client(self, secret: str) -> StripeClient:
        """A client that shows this key. Live keys are shown to nobody but Stripe."""
        elsewhere = self.test_url is not None and mode_of(secret) == "test"
        return StripeClient(
            secret,
            stripe_version=API_VERSION,
            base_addresses={"api": str(self.test_url), "files": str(self.test_url)} if elsewhere else {},
            max_network_retries=0,
            http_client=self._http,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def mode_of(secret: str) -> str:
    """Whether it is a test key or a live one. Raises StripeKeyError, which does not repeat the key."""
    for mode, prefixes in PREFIXES.items():
        if secret.startswith(prefixes):
            return mode
    raise StripeKeyError(
        "a secret key of Stripe begins with sk_test_ or sk_live_ (or rk_, if it is restricted)", WrongKey.NO_SECRET_KEY
    )
