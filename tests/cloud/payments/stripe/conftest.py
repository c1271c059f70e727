"""A payment service in a process of its own, shared by a module's tests, each with an account of its own."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from dues_gym import DuesGym, Payer, at, make_gym
from portillon_cloud.database import Database
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.provider_accounts import ProviderAccount
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.entering import Keys, enter_keys
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.payments.tables import STRIPE
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


@dataclass
class StripeGym:
    """The gym whose members owe, with an account at the payment service."""

    gym: DuesGym
    service: Service
    stripe: StripeProvider

    @property
    def secret(self) -> str:
        return f"sk_test_{self.service.account}"

    def enter(self, account: str | None = None, **more: str) -> ProviderAccount:
        """Charge with this account from now on."""
        secret = self.secret if account is None else f"sk_test_{account}"
        keys = Keys(secret=secret, **more)
        return enter_keys(self.stripe, keys, organisation_id=self.gym.organisation_id, by="the owner", now_ms=at(-20))

    def payer(self, card: str = "pm_card_visa", service: Service | None = None) -> Payer:
        """An account whose newest card is this one, at Stripe."""
        payer = self.gym.payer()
        customer, method = (service or self.service).card(card)
        token = f"{customer}:{method}"
        with self.gym.db.write() as conn:
            method_id = add_payment_method(
                conn,
                organisation_id=self.gym.organisation_id,
                account_id=payer.account_id,
                provider=STRIPE,
                token=token,
                label="Visa",
                expires=(2034, 12),
                now_ms=at(-10),
            )
        return replace(payer, method_id=method_id, token=token)


def open_gym(db: Database, service: Service, connections: Connections, **more: str) -> StripeGym:
    gym = make_gym(db, **more)
    stripe = StripeProvider(db, gym.keyring, connections)
    gym.provider = Routing.over([gym.simulator, stripe])
    return StripeGym(gym, service, stripe)


@pytest.fixture
def stripe_gym(sqlite_db: Database, service: Service, connections: Connections) -> StripeGym:
    return open_gym(sqlite_db, service, connections)


@pytest.fixture
def either_gym(db: Database, service: Service, connections: Connections) -> StripeGym:
    """On each engine."""
    return open_gym(db, service, connections)
