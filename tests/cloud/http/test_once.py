"""The same request at the same instant makes one, on both engines; what is refused leaves its key free."""

import threading
from dataclasses import dataclass
from typing import Any

import pytest
from cloud.gym import Gym
from portillon_cloud.billing.sign_up_api import NewPerson, NewSignUp, SignedUp, sign_up
from portillon_cloud.billing.signing_api import SignedTerms
from portillon_cloud.billing.tables import contract
from portillon_cloud.http.forgetting import KEPT_MS, Forgetting
from portillon_cloud.http.once import once
from portillon_cloud.http.problem import Problem
from portillon_cloud.http.tables import answered_request
from portillon_cloud.identity.principal import Principal, PrincipalKind
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.api import Made, NewAccount
from portillon_cloud.members.operations import add_account
from portillon_cloud.members.tables import account, member, site
from sqlalchemy import func, select

AT_ONCE = 4


@dataclass
class Provided:
    db: Any
    clock: Any
    keyring: Any


def desk_of(gym: Gym, number: int = 1) -> Principal:
    return Principal(
        kind=PrincipalKind.API_KEY,
        id=number,
        organisation_id=gym.organisation_id,
        name="Desk",
        role=Role.DESK,
        language="en",
    )


def sign_up_at_once(gym: Gym, provided: Provided, key: str | None) -> list[SignedUp]:
    """What so many are told who all send the same sign-up at the same instant."""
    with gym.db.read() as conn:
        site_id = conn.execute(select(site.c.id)).scalars().first()
    new = NewSignUp(
        payer=NewAccount(legal_entity_id=gym.legal_entity_id, name="Nora Roy", language="en"),
        member=NewPerson(site_id=site_id, first_name="Nora", last_name="Roy"),
        contracts=[SignedTerms(price_id=gym.price_id, starts_on="2026-02-01")],
    )
    start = threading.Barrier(AT_ONCE)
    told: list[Any] = []

    def ask() -> None:
        start.wait()
        told.append(sign_up(new, provided, desk_of(gym), None, request_key=key))  # type: ignore[arg-type]

    threads = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def counted(gym: Gym) -> list[int]:
    with gym.db.read() as conn:
        return [conn.scalar(select(func.count()).select_from(one)) or 0 for one in (account, member, contract)]


@pytest.mark.parametrize("key", ["nora-2026-01", None])
def test_who_signs_up_four_times_at_once_is_there_once(gym: Gym, clock: Any, keyring: Any, key: str | None) -> None:
    """Under one key one payer, member and contract, and all are told the same; without a key (the ablation) four."""
    before = counted(gym)
    told = sign_up_at_once(gym, Provided(gym.db, clock, keyring), key)
    times = 1 if key else AT_ONCE
    assert len(told) == AT_ONCE and len({one.model_dump_json() for one in told}) == times
    assert counted(gym) == [one + times for one in before]


def test_a_key_is_of_one_asker_and_one_request(sqlite_gym: Gym) -> None:
    """Another body under it is refused and writes nothing; of another asker it is another key; no name is kept."""
    gym = sqlite_gym
    new = NewAccount(legal_entity_id=gym.legal_entity_id, name="Nora Roy", language="en")

    def ask(new: NewAccount, number: int = 1) -> int:
        with gym.db.write() as conn:

            def make() -> Made:
                return Made(id=add_account(conn, organisation_id=gym.organisation_id, **new.model_dump()))

            return once(conn, desk_of(gym, number), "nora-2026", new, Made, make, real_ms=gym.clock.real_ms()).id

    made = ask(new)
    assert ask(new) == made
    with pytest.raises(Problem, match="used for another request") as refused:
        ask(new.model_copy(update={"name": "Nora Côté"}))
    assert refused.value.status == 409
    assert ask(new, number=2) != made
    with gym.db.read() as conn:
        kept = conn.execute(select(answered_request)).all()
    assert len(kept) == 2 and "Nora" not in str(kept) and "nora-2026" not in str(kept)


def test_what_is_refused_leaves_its_key_free(sqlite_gym: Gym) -> None:
    """A request that failed was not done: mended, it goes through under the same key."""
    gym = sqlite_gym
    new = NewAccount(legal_entity_id=gym.legal_entity_id, name="Nora Roy", language="en")

    def refuse() -> Made:
        raise Problem(422, "not so")

    with pytest.raises(Problem, match="not so"), gym.db.write() as conn:
        once(conn, desk_of(gym), "nora-2026", new, Made, refuse, real_ms=0)
    mended = new.model_copy(update={"name": "Nora Côté"})
    with gym.db.write() as conn:
        assert once(conn, desk_of(gym), "nora-2026", mended, Made, lambda: Made(id=7), real_ms=0).id == 7


def test_a_key_is_forgotten_after_its_life(gym: Gym) -> None:
    """A month later its row is gone and the key is a new one; what is younger stays, and so does what it made."""
    new = NewAccount(legal_entity_id=gym.legal_entity_id, name="Nora Roy", language="en")

    def ask(key: str, real_ms: int) -> int:
        with gym.db.write() as conn:

            def make() -> Made:
                return Made(id=add_account(conn, organisation_id=gym.organisation_id, **new.model_dump()))

            return once(conn, desk_of(gym), key, new, Made, make, real_ms=real_ms).id

    now_ms = gym.clock.real_ms()
    old, young = ask("nora-2025", now_ms - KEPT_MS - 1), ask("nora-2026", now_ms - KEPT_MS)
    forgetting = Forgetting(db=gym.db, clock=gym.clock)
    assert (forgetting(), forgetting()) == (1, 0)
    assert ask("nora-2026", now_ms) == young
    assert ask("nora-2025", now_ms) not in (old, young)
