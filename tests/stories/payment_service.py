"""The simulated payment service as a process of its own, and what payers, banks and time do there."""

import sys
from pathlib import Path
from typing import Any

import httpx
import stripe
from stories.process import Process, StoryError, free_port, until

ACCOUNT = "story"
SECRET = f"sk_test_{ACCOUNT}"


class PaymentService:
    """Started by the chapter that needs it; the cloud knows where it will be."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        server = [
            sys.executable,
            "-m",
            "portillon_psp.server",
            "--file",
            str(folder / "payment-service.db"),
            "--port",
            str(port),
        ]
        self.process = Process("payment-service", server, log=folder / "payment-service.log")
        self.client = stripe.StripeClient(SECRET, base_addresses={"api": self.url}, max_network_retries=0).v1

    def start(self, business_ms: int) -> None:
        """Open it, on that day."""
        self.process.start()
        until("the payment service answers", self._answers, within_s=30, every_s=0.1)
        self.turn_to(business_ms)

    def turn_to(self, business_ms: int) -> None:
        """Let time pass there: debits settle, disputes are decided."""
        self.act("clock", now=business_ms // 1_000)

    def act(self, what: str, **given: Any) -> Any:
        """What no real service has a door for."""
        answer = httpx.post(f"{self.url}/simulator/{ACCOUNT}/{what}", json=given, timeout=30)
        if answer.is_error:
            raise StoryError(f"{what} at the payment service: {answer.text}")
        return answer.json()

    def latest_charge(self, customer: str) -> str:
        """The newest charge of a payer."""
        newest = self.client.charges.list({"customer": customer, "limit": 1}).data
        return str(newest[0].id)

    def _answers(self) -> bool:
        if not self.process.alive():
            raise StoryError(f"the payment service ended:\n{self.process.tail()}")
        try:
            httpx.get(self.url, timeout=1)
        except httpx.HTTPError:
            return False
        return True
