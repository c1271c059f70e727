"""Every request the service knows, and how one is answered: key, books, faults. No HTTP here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any

from portillon_psp import clock, disputes, faults, files, intents, keys, methods, refunds, shapes, webhooks
from portillon_psp.books import Book, Books
from portillon_psp.errors import (
    AuthenticationError,
    CardError,
    NotFoundError,
    OutageError,
    RateLimitError,
    ServiceError,
)
from portillon_psp.params import Params

LISTED_MOST = 100
LATEST_S = 1 << 40
SECRET = re.compile(r"sk_test_([a-z0-9]{1,32})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call. `key` is the Idempotency-Key."""

    method: str
    path: str
    secret: str
    parameters: Mapping[str, Any]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body; `replayed`: it was given before under this key. It is to be given `after_ms`."""

    status: int
    body: Any
    replayed: bool = False
    after_ms: int = 0


Allows = Callable[[str, int], bool]
"""Whether one more request of an account is taken now, at so many in a second."""


def answer(books: Books, request: Request, allows: Allows = lambda _account, _per_s: True) -> Answer:
    """Do what is asked, once per key; what went wrong is an answer too."""
    lies = faults.Faults()
    try:
        account = _account(request.secret)
        act, ids = _route(request)
        with books.open(account) as book:
            lies = faults.of(book)
            if not allows(account, lies.requests_per_s):
                raise RateLimitError("Too many requests in a second.", code="rate_limit")
            if lies.outage:
                raise OutageError("The service is down.")
            lie = faults.lie_to(book, lies, request.key or keys.fingerprint(request.path, request.parameters))
            done = Answer(0, None) if lie is faults.Lie.UNDONE else _keyed(book, request, act, ids)
            lost = lies.answers_lost and request.method == "POST"
            if lost:
                faults.keep(book, replace(lies, answers_lost=lies.answers_lost - 1))
        if lost or lie in (faults.Lie.UNDONE, faults.Lie.UNANSWERED):
            raise OutageError("The answer is lost; nobody says whether it was done.")
        return replace(done, after_ms=lies.silent_ms if lie is faults.Lie.SILENT else lies.latency_ms)
    except ServiceError as error:
        return Answer(error.status, {"error": error.body}, after_ms=lies.latency_ms)


Act = Callable[[Book, list[str], Params], Any]


def _keyed(book: Book, request: Request, act: Act, ids: list[str]) -> Answer:
    of = keys.fingerprint(request.path, request.parameters)
    if request.method == "POST" and request.key is not None:
        known = keys.answered(book, request.key, of)
        if known is not None:
            return Answer(*known, replayed=True)
    try:
        done = Answer(200, shapes.plain(act(book, ids, Params(request.parameters))))
    except CardError as error:
        # The try is on the books, so this is no rollback: the same key hears the same no.
        done = Answer(error.status, {"error": shapes.plain(error.body)})
    if request.method == "POST" and request.key is not None:
        keys.keep(book, request.key, of, done.status, done.body)
    return done


def _account(secret: str) -> str:
    found = SECRET.fullmatch(secret)
    if found is None:
        raise AuthenticationError("Invalid API Key: this is a simulator; it opens for sk_test_ and small letters only.")
    return found[1]


def _listing(kind: str, *filters: str) -> Act:
    """GET of a list, newest first, a page at a time (https://docs.stripe.com/api/pagination)."""

    def act(book: Book, ids: list[str], given: Params) -> Any:
        equal = {
            "_payout" if name == "payout" else name: str(value)
            for name in filters
            if (value := given.text(name, None)) is not None
        }
        limit, after = given.whole("limit", 10, most=LISTED_MOST), given.text("starting_after", None)
        whole = "data.source" in given.listed("expand", ())
        since_s = Params(given.group("created")).whole("gte", 0, least=0, most=LATEST_S)
        given.done()
        if "customer" in equal:
            book.get("customer", equal["customer"])
        # Newest first, so nothing older follows; one more than is shown tells whether there are more.
        since = takewhile(lambda one: one["created"] >= since_s, book.before(after, kind, **equal))
        found = list(islice(since, limit + 1))
        if whole:
            found = [{**one, "source": book.any(one["source"])} for one in found]
        return {
            "object": "list",
            "url": f"/v1/{kind}s",
            "has_more": len(found) > limit,
            "data": found[:limit],
        }

    return act


def _shown(kind: str) -> Act:
    def act(book: Book, ids: list[str], given: Params) -> Any:
        given.done()
        return book.get(kind, ids[0])

    return act


_ROUTES: tuple[tuple[str, str, Act], ...] = (
    ("GET", "account", lambda book, _, given: shapes.account(book)),
    ("POST", "customers", lambda book, _, given: methods.make_customer(book, given)),
    ("GET", "customers/*", _shown("customer")),
    ("POST", "payment_methods", lambda book, _, given: methods.make_method(book, given)),
    ("GET", "payment_methods", _listing("payment_method", "customer", "type")),
    ("GET", "payment_methods/*", _shown("payment_method")),
    ("POST", "payment_methods/*/attach", lambda book, ids, given: methods.attach(book, ids[0], given)),
    ("POST", "payment_methods/*/detach", lambda book, ids, given: methods.detach(book, ids[0], given)),
    ("POST", "setup_intents", lambda book, _, given: methods.make_setup(book, given)),
    ("GET", "setup_intents/*", _shown("setup_intent")),
    ("POST", "setup_intents/*/confirm", lambda book, ids, given: methods.confirm_setup(book, ids[0], given)),
    ("GET", "mandates/*", _shown("mandate")),
    ("POST", "payment_intents", lambda book, _, given: intents.create(book, given)),
    ("GET", "payment_intents", _listing("payment_intent", "customer")),
    ("GET", "payment_intents/*", _shown("payment_intent")),
    ("POST", "payment_intents/*/confirm", lambda book, ids, given: intents.confirm(book, ids[0], given)),
    ("POST", "payment_intents/*/cancel", lambda book, ids, given: intents.cancel(book, ids[0], given)),
    ("GET", "charges", _listing("charge", "customer", "payment_intent")),
    ("GET", "charges/*", _shown("charge")),
    ("POST", "refunds", lambda book, _, given: refunds.create(book, given)),
    ("GET", "refunds", _listing("refund", "charge", "payment_intent")),
    ("GET", "refunds/*", _shown("refund")),
    ("GET", "disputes", _listing("dispute", "charge", "payment_intent")),
    ("GET", "disputes/*", _shown("dispute")),
    ("POST", "disputes/*", lambda book, ids, given: disputes.update(book, ids[0], given)),
    ("POST", "disputes/*/close", lambda book, ids, given: disputes.accept(book, ids[0], given)),
    ("POST", "files", lambda book, _, given: files.create(book, given)),
    ("GET", "files/*", _shown("file")),
    ("GET", "events", _listing("event", "type")),
    ("GET", "events/*", _shown("event")),
    ("GET", "balance_transactions", _listing("balance_transaction", "payout", "source", "type")),
    ("GET", "payouts", _listing("payout", "status")),
    ("GET", "payouts/*", _shown("payout")),
    ("POST", "webhook_endpoints", lambda book, _, given: webhooks.make_endpoint(book, given)),
)
_KNOWN = [
    (method, re.compile("/v1/" + path.replace("*", "([A-Za-z0-9_]{1,80})")), act) for method, path, act in _ROUTES
]


def _route(request: Request) -> tuple[Act, list[str]]:
    for method, path, act in _KNOWN:
        found = path.fullmatch(request.path)
        if found is not None and method == request.method:
            return act, list(found.groups())
    raise NotFoundError(f"Unrecognized request URL ({request.method}: {request.path}).")


def set_clock(books: Books, account: str, now_s: int) -> int | None:
    """Move an account's clock, or set it before anything happened; when the next thing happens by itself."""
    with books.open(account) as book:
        fresh = book.db.execute("SELECT count(*) FROM due WHERE account = ?", (account,)).fetchone()[0] == 0
        if fresh:
            clock.start(book, now_s)
    clock.advance(books, account, now_s)
    with books.open(account) as book:
        return clock.next_due_s(book)
