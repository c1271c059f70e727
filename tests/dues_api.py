"""The application over the gym whose members owe, and a client for each role."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from dues_gym import DuesGym, StillClock, make_gym
from one_app import app_over
from portillon_cloud.database import Database
from portillon_cloud.identity.operations import create_api_key
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.secrets import Keyring

with warnings.catch_warnings():
    # starlette 1.10 would rather have httpx2; the lock holds httpx, which its test client still speaks.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


@dataclass
class ApiServices:
    """What the composition root gives to the web."""

    db: Database
    clock: StillClock
    keyring: Keyring
    provider: PaymentProvider


@dataclass
class Api:
    """The gym and its callers; `as_role` gives a client that shows that role's API key."""

    gym: DuesGym
    as_role: Callable[[Role], TestClient]


def make_api(gym: DuesGym) -> Api:
    """The application over this gym."""
    app = app_over(ApiServices(gym.db, gym.clock, gym.keyring, gym.provider))

    def as_role(role: Role) -> TestClient:
        with gym.db.write() as conn:
            key = create_api_key(conn, organisation_id=gym.organisation_id, name=role, role=role, now_ms=0)
        return TestClient(app, base_url="http://gym.example/api/v1", headers={"Authorization": f"Bearer {key}"})

    return Api(gym, as_role)


@pytest.fixture
def api(sqlite_db: Database) -> Iterator[Api]:
    """The application; SQL on both engines is tested below HTTP."""
    yield make_api(make_gym(sqlite_db))
