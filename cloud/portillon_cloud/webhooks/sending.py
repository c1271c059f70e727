"""The port to an endpoint, and HTTP: one request, one answer; nothing is followed, and nothing of a body is read.

Called with no transaction open.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import httpx

from portillon_cloud.webhooks.addresses import checked_url, resolved
from portillon_cloud.webhooks.errors import AddressRefusedError, EndpointRefusedError

TIMEOUT_S = 10.0  # the standard advises 15 to 30 at most; whoever takes longer shall answer first and work later
AGENT = "Portillon-Webhooks/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One event for one endpoint, signed. `test`: of a test organisation."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    test: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. `status` None: no answer came, and `error` says why."""

    status: int | None
    error: str | None = None

    @property
    def taken(self) -> bool:
        """Only 2xx says that the endpoint has it."""
        return self.status is not None and 200 <= self.status < 300


class Sender(Protocol):
    """Sends one request."""

    def send(self, request: Request) -> Answer:
        """Never raises for what the other side does."""


@dataclass(frozen=True, slots=True)
class HttpSender:
    """Over the internet. `private`: test organisations may name addresses that are not public, such as this machine."""

    private: bool = False
    timeout_s: float = TIMEOUT_S

    def send(self, request: Request) -> Answer:
        """POST it to the address that was looked at, under the host's own name."""
        try:
            parts = checked_url(request.url, test=request.test)
            addresses = resolved(parts, private=self.private and request.test)
        except (EndpointRefusedError, AddressRefusedError) as error:
            return Answer(None, str(error))
        except (OSError, UnicodeError) as error:
            return Answer(None, f"the host's name cannot be resolved: {error}")
        urls = [httpx.URL(request.url).copy_with(host=address) for address in addresses]
        headers = {**request.headers, "host": parts.netloc, "user-agent": AGENT, "content-type": "application/json"}
        try:
            # One bound for all of it: who sends one byte every few seconds must not hold a thread for hours.
            return asyncio.run(
                asyncio.wait_for(self._first(urls, headers, request.body, parts.hostname), self.timeout_s)
            )
        except (TimeoutError, httpx.TimeoutException):
            return Answer(None, f"no answer within {self.timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return Answer(None, f"{type(error).__name__}: {error}")

    async def _first(
        self, urls: Sequence[httpx.URL], headers: Mapping[str, str], body: bytes, name: str | None
    ) -> Answer:
        """Of a host with several addresses the first that takes a connection; each was looked at."""
        for url in urls[:-1]:
            try:
                return await self._post(url, headers, body, name)
            except httpx.ConnectError:
                continue  # nothing was sent: the next address is tried within the same bound
        return await self._post(urls[-1], headers, body, name)

    async def _post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes, name: str | None) -> Answer:
        async with (
            httpx.AsyncClient(verify=_tls(), timeout=self.timeout_s, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, headers=headers, content=body, extensions={"sni_hostname": name}) as answer,
        ):
            return Answer(answer.status_code)


@lru_cache(maxsize=1)  # reading the authorities takes longer than many a request
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()
