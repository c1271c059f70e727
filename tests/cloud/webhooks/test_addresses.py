"""Where events are sent, and how: to the public internet alone, one answer, nothing followed."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from portillon_cloud.webhooks import addresses
from portillon_cloud.webhooks.addresses import checked_url, is_public
from portillon_cloud.webhooks.errors import EndpointRefusedError
from portillon_cloud.webhooks.sending import Answer, HttpSender, Request

INSIDE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:53aa:64c:0:7f::", "2001:db8::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_a_network_inside(address: str) -> None:
    """Loopback, private, link-local (a cloud's metadata), shared, reserved, multicast, and IPv4 wrapped into IPv6."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet(address: str) -> None:
    """These are reached."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "//example.org/", "https://", "https:///path", "https://user@example.org/",
        "https://user:pass@example.org/", "https://example.org/#part", "https://example.org:0/",
        "https://example.org:99999/", "https://exa mple.org/", "https://[::1", "https://éxample.org/",
        "https://example.org/\nX: y", "javascript:alert(1)", "http://example.org/", "https://example.org/" + "a" * 500,
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    """No other scheme, no password in the address, nothing that cannot be read; clear text only for tests."""
    with pytest.raises(EndpointRefusedError):
        checked_url(url, test=False)
    assert checked_url("http://localhost:8080/hook", test=True).port == 8080


class Handler(BaseHTTPRequestHandler):
    """Answers as its path says, and keeps what came."""

    came: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.came.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        if self.path == "/hangs":
            threading.Event().wait(0.5)
        self.send_response(int(self.path[1:]) if self.path[1:].isdecimal() else 200)
        if self.path == "/302":
            self.send_header("location", "/200")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    """A real server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        Handler.came = []
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def ask(server: ThreadingHTTPServer, path: str, *, host: str = "127.0.0.1", test: bool = True) -> Request:
    url = f"http://{host}:{server.server_port}{path}"
    return Request(url=url, headers={"webhook-id": "evt_1"}, body=b'{"a":1}', test=test)


def post(sender: HttpSender, request: Request) -> Answer:
    """In a thread of its own, as the product sends: another test's browser may hold a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(sender.send, request).result()


def test_one_request_one_answer(server: ThreadingHTTPServer) -> None:
    """The status is the answer; a redirect is not followed; an endpoint that hangs or is not there is told as that."""
    sender = HttpSender(private=True)
    assert post(sender, ask(server, "/204")).taken
    path, headers, body = Handler.came[-1]
    assert (path, body, headers["webhook-id"]) == ("/204", b'{"a":1}', "evt_1")
    assert headers["host"] == f"127.0.0.1:{server.server_port}"
    assert headers["content-type"] == "application/json"
    count = len(Handler.came)
    answer = post(sender, ask(server, "/302"))
    assert (answer.status, answer.taken, len(Handler.came)) == (302, False, count + 1)
    slow = post(HttpSender(private=True, timeout_s=0.1), ask(server, "/hangs"))
    assert slow.status is None and "0.1 s" in str(slow.error)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = Request(url=f"http://127.0.0.1:{free.getsockname()[1]}/", headers={}, body=b"", test=True)
        assert post(sender, gone).status is None


def test_this_machine_is_reached_by_tests_with_leave_alone(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the setting, or of a live organisation, nothing is sent inside; nor by a name that means it.

    Ablation: were every address taken for public, it would be.
    """
    before = len(Handler.came)
    for sender, test in ((HttpSender(), True), (HttpSender(private=True), False)):
        assert post(sender, ask(server, "/200", test=test)).status is None
        assert post(sender, ask(server, "/200", host="localhost", test=test)).status is None
    assert len(Handler.came) == before
    monkeypatch.setattr(addresses, "is_public", lambda _address: True)
    assert post(HttpSender(), ask(server, "/200")).taken


def test_the_address_that_was_looked_at_is_the_one_connected_to(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is resolved once: what it means a moment later (rebinding) changes nothing.

    Where one address is not there the next is tried; one that is not public spoils all.
    """
    looked: list[str] = []

    def resolve(host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        looked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with monkeypatch.context() as patch:
        patch.setattr("portillon_cloud.webhooks.addresses.socket.getaddrinfo", resolve)
        assert post(HttpSender(private=True), ask(server, "/200", host="hook.example.org")).taken
    assert looked.count("hook.example.org") == 1
    assert Handler.came[-1][1]["host"] == f"hook.example.org:{server.server_port}"

    def two(host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]

    with monkeypatch.context() as patch:
        patch.setattr("portillon_cloud.webhooks.addresses.socket.getaddrinfo", two)
        assert post(HttpSender(private=True), ask(server, "/200", host="hook.example.org")).taken

    def mixed(host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (address, port)) for address in ("1.1.1.1", "10.0.0.1")]

    with monkeypatch.context() as patch:
        patch.setattr("portillon_cloud.webhooks.addresses.socket.getaddrinfo", mixed)
        said = post(HttpSender(), ask(server, "/200", host="hook.example.org"))
    assert said.status is None and "10.0.0.1" in str(said.error)
