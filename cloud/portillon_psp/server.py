"""The service over HTTP: Stripe's surface under /v1, and under /simulator what only a simulator has.

`python -m portillon_psp.server --file books.db --port 12111`
"""

import argparse
import asyncio
import base64
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from portillon_psp import disputes, faults, files, forms, intents, methods, money, service, shapes, webhooks
from portillon_psp.books import Books
from portillon_psp.errors import InvalidRequestError, ServiceError
from portillon_psp.rate import Limiter

DEFAULT_PORT = 12_111  # where Stripe's own mock listens
POST_TIMEOUT_S = 10
DELIVER_EVERY_S = 0.2
BODY_MOST = 100_000


def create_app(books: Books) -> Starlette:
    """The server's application."""

    limiter = Limiter()

    async def stripe(request: HttpRequest) -> JSONResponse:
        pairs = await _parts(request)
        answer, after_ms = await run_in_threadpool(_stripe, books, limiter, request, await request.body(), pairs)
        await asyncio.sleep(after_ms / 1_000)
        return answer

    async def simulator(request: HttpRequest) -> JSONResponse:
        return await run_in_threadpool(_simulator, books, request, await request.body())

    return Starlette(
        routes=[
            Route("/v1/{rest:path}", stripe, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/{account}/{what}", simulator, methods=["POST"]),
        ]
    )


Pairs = list[tuple[str, str]]


async def _parts(request: HttpRequest) -> Pairs | None:
    """A form with a file in it, as pairs: of the file how it is named, how large it is and how it begins."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return None
    await request.body()  # kept, for whoever asks how large all of it is
    pairs: Pairs = []
    async with request.form(max_files=1, max_fields=20) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                pairs.append((name, value))
                continue
            begins = (await value.read(16)).decode("latin-1")
            said = {"name": value.filename or "", "size": str(value.size or 0), "begins": begins}
            pairs += [(f"{name}[{key}]", text) for key, text in said.items()]
    return pairs


def _stripe(
    books: Books, limiter: Limiter, request: HttpRequest, body: bytes, pairs: Pairs | None
) -> tuple[JSONResponse, int]:
    try:
        if len(body) > (BODY_MOST if pairs is None else files.BYTES_MOST + BODY_MOST):
            raise InvalidRequestError("the request is too large")
        if pairs is None:
            query = list(request.query_params.multi_items())
            pairs = parse_qsl(body.decode(), keep_blank_values=True) if body else query
        parameters = forms.nested(pairs)
    except (ServiceError, UnicodeDecodeError) as error:
        said = error.body if isinstance(error, ServiceError) else {"message": "the body is no text"}
        return JSONResponse({"error": said}, 400), 0
    done = service.answer(
        books,
        service.Request(
            method=request.method,
            path=request.url.path,
            secret=_secret(request.headers.get("authorization", "")),
            parameters=parameters,
            key=request.headers.get("idempotency-key"),
        ),
        lambda account, per_s: limiter.allows(account, per_s, time.monotonic()),
    )
    headers = {"Idempotent-Replayed": "true"} if done.replayed else {}
    return JSONResponse(done.body, done.status, headers=headers), done.after_ms


def _secret(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except ValueError:
            return ""
    return value if scheme.lower() == "bearer" else ""


def _simulator(books: Books, request: HttpRequest, body: bytes) -> JSONResponse:
    """What a real service has no door for: time, faults, and what payers and banks do."""
    account, what = request.path_params["account"], request.path_params["what"]
    try:
        given: Any = json.loads(body or b"{}")
        if not isinstance(given, dict):
            raise InvalidRequestError("the body is a JSON object")
        return JSONResponse(shapes.plain(_act(books, account, what, given)))
    except ServiceError as error:
        return JSONResponse({"error": error.body}, error.status)
    except (KeyError, ValueError) as error:
        return JSONResponse({"error": {"message": f"{what}: the body lacks or spoils {error}"}}, 400)


def _act(books: Books, account: str, what: str, given: dict[str, Any]) -> Any:
    if what == "clock":
        return {"next_due": service.set_clock(books, account, int(given["now"]))}
    if what == "deliver":
        return {"taken": webhooks.deliver(books, account, post, real_s=int(time.time()))}
    with books.open(account) as book:
        match what:
            case "faults":
                return vars_of(faults.set_faults(book, given))
            case "authenticate":
                return intents.authenticate(book, str(given["payment_intent"]), passed=bool(given.get("passed", True)))
            case "complete_setup":
                return methods.complete_setup(book, str(given["setup_intent"]))
            case "dispute":
                return disputes.open_dispute(book, str(given["charge"]), inquiry=bool(given.get("inquiry", False)))
            case "pay_out":
                return money.pay_out_by_hand(book, int(given["amount"]), str(given["currency"]))
            case "behave":
                method = book.get("payment_method", str(given["payment_method"]))
                methods.require_known(str(given["as"]))
                book.put({**method, "_does": str(given["as"])})
                return method
            case "update_card":
                return methods.update_card(
                    book, str(given["payment_method"]), str(given["last4"]), int(given["exp_year"])
                )
    raise InvalidRequestError(f"the simulator has no {what!r}")


def vars_of(lies: faults.Faults) -> Mapping[str, Any]:
    """The faults as JSON."""
    return {name: getattr(lies, name) for name in lies.__dataclass_fields__}


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send one webhook; 0 if nobody answers."""
    try:
        sent = httpx.post(
            url, content=body, headers={"Content-Type": "application/json", **headers}, timeout=POST_TIMEOUT_S
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        return 0
    return sent.status_code


def _keep_delivering(books: Books) -> None:
    while True:
        for account in books.accounts():
            webhooks.deliver(books, account, post, real_s=int(time.time()))
        time.sleep(DELIVER_EVERY_S)


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="A payment service that moves no money, for tests and demonstrations.")
    parser.add_argument("--file", type=Path, default=Path("payment-service.db"), help="its books, which outlive it")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--quiet-webhooks", action="store_true", help="tell nobody until asked to deliver")
    given = parser.parse_args()
    books = Books(given.file)
    if not given.quiet_webhooks:
        threading.Thread(target=_keep_delivering, args=(books,), name="webhooks", daemon=True).start()
    uvicorn.run(create_app(books), host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
