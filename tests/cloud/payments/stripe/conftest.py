"""A payment service in a process of its own, shared by a module's tests, each with an account of its own."""

import hashlib
from collections.abc import Iterator

import pytest
from portillon_cloud.payments.stripe.connection import Connections
from psp.conftest import Ears, Running, Service


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = Running(tmp_path_factory.mktemp("psp") / "books.db")
    yield server
    server.kill()


@pytest.fixture
def service(running: Running, request: pytest.FixtureRequest) -> Service:
    return Service(running, hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20])


@pytest.fixture(scope="package")
def connections(running: Running) -> Iterator[Connections]:
    made = Connections(running.url)
    yield made
    made.close()


@pytest.fixture
def ears() -> Iterator[Ears]:
    made = Ears()
    yield made
    made.server.shutdown()
    made.server.server_close()
