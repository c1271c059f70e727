"""A gym that owes and is owed, an endpoint of its own, and a receiver that answers as it is told."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from dues_gym import DuesGym, at, make_gym
from dues_gym import gym as gym
from portillon_cloud.database import Database
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.delivering import WebhookPost
from portillon_cloud.webhooks.endpoints import Secret, Wanted, add_endpoint
from portillon_cloud.webhooks.sending import Answer, Request
from portillon_cloud.webhooks.tables import webhook_delivery, webhook_event
from sqlalchemy import select


@dataclass
class Receiver:
    """The other side: keeps what comes, answers `answer`."""

    answer: Answer | Callable[[Request], Answer] = field(default_factory=lambda: Answer(204))
    came: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        self.came.append(request)
        return self.answer(request) if callable(self.answer) else self.answer

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.came]

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.came]


@dataclass
class Line:
    """The gym, its owner, the receiver and the drain between them."""

    gym: DuesGym
    receiver: Receiver
    post: WebhookPost
    owner: Principal

    def endpoint(self, url: str = "https://example.org/hook", *kinds: EventKind) -> Secret:
        with self.gym.db.write() as conn:
            return add_endpoint(
                conn, self.gym.keyring, Wanted(url=url, kinds=kinds), by=self.owner, real_ms=self.gym.clock.real_ms()
            )

    def kinds(self) -> list[str]:
        """Of the events that were written, in order."""
        return self.gym.scalars(select(webhook_event.c.kind).order_by(webhook_event.c.id))

    def states(self) -> list[str]:
        return self.gym.scalars(select(webhook_delivery.c.state).order_by(webhook_delivery.c.id))

    def drain(self) -> None:
        while self.post():
            pass


def make_line(gym: DuesGym) -> Line:
    gym.clock.now_ms = at(0)
    receiver = Receiver()
    post = WebhookPost(db=gym.db, clock=gym.clock, keyring=gym.keyring, sender=receiver)
    owner = Principal(
        kind=PrincipalKind.STAFF,
        id=1,
        organisation_id=gym.organisation_id,
        name="Odile",
        role=Role.OWNER,
        language="fr",
    )
    return Line(gym, receiver, post, owner)


@pytest.fixture
def line(gym: DuesGym) -> Line:
    """On each engine."""
    return make_line(gym)


@pytest.fixture
def sqlite_line(sqlite_db: Database) -> Line:
    """On SQLite only, where the engine does not matter."""
    return make_line(make_gym(sqlite_db))
