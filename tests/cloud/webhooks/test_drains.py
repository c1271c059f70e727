"""The whole way once: a change, the worker's drains with their threads, a real receiver with the standard's library."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cloud.webhooks.conftest import Line
from cloud.webhooks.test_delivering import tell_invoice
from cloud.webhooks.test_endpoints import Postman
from portillon_cloud.clock import RealClock
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.drains import webhook_drains
from portillon_cloud.worker import Worker
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Hook(BaseHTTPRequestHandler):
    """Keeps one request and says thanks."""

    came: list[tuple[dict[str, str], bytes]]
    heard: threading.Event

    def do_POST(self) -> None:
        self.came.append((dict(self.headers.items()), self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()
        self.heard.set()

    def log_message(self, *_args: object) -> None:
        pass


def test_from_the_change_to_the_receiver(sqlite_line: Line) -> None:
    """The worker sends it over HTTP, the receiver's library takes it, another's secret does not; then nothing waits."""
    line, gym = sqlite_line, sqlite_line.gym
    Hook.came, Hook.heard = [], threading.Event()
    with HTTPServer(("127.0.0.1", 0), Hook) as server, ThreadPoolExecutor(4) as threads:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        made = line.endpoint(f"http://127.0.0.1:{server.server_port}/hook", EventKind.INVOICE_ISSUED)
        invoice_id = tell_invoice(line)
        drains = webhook_drains(
            db=gym.db, clock=RealClock(), keyring=gym.keyring, carrier=Postman(), threads=threads, inside=True
        )
        worker = Worker(db=gym.db, clock=gym.clock, handlers=gym.handlers(), drains=drains, name="test")
        worker.round()
        assert Hook.heard.wait(30)
        server.shutdown()
        serving.join()
    [(headers, body)] = Hook.came
    said = Webhook(made.secret).verify(body, headers)
    assert (said["type"], said["data"]["invoice_id"]) == ("invoice.issued", invoice_id)
    assert line.states() == ["delivered"]
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(body, headers)
