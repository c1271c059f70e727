"""The payment service as a process of its own, and the official client that believes it is Stripe."""

import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

START_S = 1_767_225_600  # 2026-01-01
DAY_S = 86_400


class Running:
    """One server process on a file of its own; it can be killed and started again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "portillon_psp.server", "--quiet-webhooks"),
                *("--file", str(self.file), "--port", str(self.port)),
            ]
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(self.url, timeout=1)
                return
            except httpx.HTTPError:
                assert self.process.poll() is None and time.monotonic() < deadline, "the server does not start"
                time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Service:
    """One account of the service: the official client on one side, what payers, banks and time do on the other."""

    def __init__(self, running: Running, account: str) -> None:
        self.running = running
        self.account = account
        self.now_s = START_S
        self.client = stripe.StripeClient(
            f"sk_test_{account}", base_addresses={"api": running.url}, max_network_retries=0
        ).v1
        self.wait(0)

    def simulator(self, what: str, **given: Any) -> Any:
        answer = httpx.post(f"{self.running.url}/simulator/{self.account}/{what}", json=given, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, days: float) -> int | None:
        """Let days pass; when the next thing happens by itself."""
        self.now_s += int(days * DAY_S)
        due: int | None = self.simulator("clock", now=self.now_s)["next_due"]
        return due

    def customer(self) -> str:
        return str(self.client.customers.create({"name": "Nadia Roy", "email": "nadia@example.org"}).id)

    def card(self, name: str = "pm_card_visa", customer: str | None = None) -> tuple[str, str]:
        """A customer and their card, set up to be charged later."""
        customer = customer or self.customer()
        made = self.client.payment_methods.create({"type": "card", "card": {"token": name}})
        return customer, str(made.id)

    def charge(self, customer: str, method: str, amount: int = 5999, key: str | None = None, **more: Any) -> Any:
        asked = {
            "amount": amount,
            "currency": "cad",
            "customer": customer,
            "payment_method": method,
            "payment_method_types": ["card", "sepa_debit", "acss_debit"],
            "off_session": True,
            "confirm": True,
            **more,
        }
        return self.client.payment_intents.create(asked, {"idempotency_key": key} if key else {})

    def events(self) -> list[str]:
        """What happened, oldest first."""
        return [event.type for event in reversed(list(self.client.events.list({"limit": 100}).data))]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = Running(tmp_path_factory.mktemp("psp") / "books.db")
    yield server
    server.kill()


@pytest.fixture
def service(running: Running, request: pytest.FixtureRequest) -> Service:
    return Service(running, hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20])


class Ears:
    """An endpoint that hears webhooks; `deaf` for so many of them."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.deaf = 0
        ears = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if ears.deaf:
                    ears.deaf -= 1
                    self.send_response(500)
                else:
                    ears.heard.append((body, self.headers["Stripe-Signature"]))
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.heard]


@pytest.fixture
def ears() -> Iterator[Ears]:
    made = Ears()
    yield made
    made.server.shutdown()
    made.server.server_close()
