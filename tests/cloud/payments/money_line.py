"""The payment service in this process: the official client asks its books over a line that fails on demand.

What comes between two moments of a process (a transaction about to begin, a request about to leave) is a `Moment`.
"""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import stripe
from portillon_psp import forms, service
from portillon_psp.books import Books
from simulation.mortal import Crash

URL = "http://service.invalid"


class Moment(StrEnum):
    """What happens at a moment of a process that was about to commit or to ask."""

    QUIET = "quiet"
    DIES_BEFORE = "dies before"  # nothing of it is committed, or sent
    DIES_AFTER = "dies after"  # it is, and nobody hears of it
    NO_CONNECTION = "no connection"
    LOST_ON_THE_WAY = "lost on the way"  # never taken in, and nobody knows
    ANSWER_LOST = "answer lost"  # taken in, and nobody knows
    OTHER_WORKER = "other worker"  # this one stalls until its leases are over, another does its work
    TOLD = "told"  # a webhook arrives and is acted on
    DESK = "desk"  # somebody pays what they owe at the desk
    LINK = "link"  # somebody presses "pay now"


Fate = Callable[[], Moment]
"""Asked before each request; the others have had their turn by the time it answers."""


class Line(stripe.HTTPClient):
    """The SDK's way to the books. `fate` says how the next request ends."""

    name = "here"

    def __init__(self, books: Books, fate: Fate = lambda: Moment.QUIET) -> None:
        super().__init__()
        self.books, self.fate = books, fate

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request, once, or what became of it instead."""
        moment = self.fate()
        if moment is Moment.DIES_BEFORE:
            raise Crash
        if moment is Moment.NO_CONNECTION:
            raise stripe.APIConnectionError("no connection") from httpx.ConnectError("refused")
        if moment is Moment.LOST_ON_THE_WAY:
            raise stripe.APIConnectionError("no answer") from httpx.ReadTimeout("late")
        answer = self._answer(method, url, headers or {}, post_data)
        if moment is Moment.DIES_AFTER:
            raise Crash
        if moment is Moment.ANSWER_LOST:
            raise stripe.APIConnectionError("no answer") from httpx.ReadTimeout("late")
        return answer

    def close(self) -> None:
        """There is no connection to let go of."""

    def _answer(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        asked = urlsplit(url)
        done = service.answer(
            self.books,
            service.Request(
                method=method.upper(),
                path=asked.path,
                secret=headers["Authorization"].removeprefix("Bearer "),
                parameters=forms.nested(parse_qsl(post_data or asked.query, keep_blank_values=True)),
                key=headers.get("Idempotency-Key"),
            ),
        )
        return json.dumps(done.body), done.status, {}
