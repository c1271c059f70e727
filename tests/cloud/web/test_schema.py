"""The whole of /api/v1, called with whatever its OpenAPI document allows and forbids: each answer is one it declares.

How many calls of each operation: API_EXAMPLES (given, they are other ones each time).
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from cloud.web.api_calls import BAD, GOOD, Api
from cloud.web.conftest import TODAY, StubServices, make_gym
from portillon_cloud.database import Database
from portillon_cloud.identity import passwords
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.secrets import Keyring

ASKED = os.environ.get("API_EXAMPLES")
EXAMPLES = int(ASKED or 8)
PARTS = 6

pytestmark = pytest.mark.xdist_group("the api's document")


class StillClock:
    """Real time that stands."""

    def real_ms(self) -> int:
        return 1_741_819_327_000  # 2025-03-12T22:42:07Z


class Services(StubServices):
    """With the simulator that charges the cards of a test organisation."""

    @property
    def provider(self) -> PaymentSimulator:
        return PaymentSimulator(self.db)

    def news_of(self, _organisation_id: int, _provider: str) -> None:
        """Nobody has an account that tells anything."""


@pytest.fixture(scope="module")
def api(sqlite_template, tmp_path_factory) -> Iterator[Api]:
    """A gym full of rows, and a way back to it."""
    folder = tmp_path_factory.mktemp("api")
    seeded = folder / "seeded.db"
    shutil.copy(sqlite_template, seeded)
    services = Services(Database(f"sqlite:///{seeded}"), StillClock(), Keyring.generate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        gym = make_gym(services, name="Vélo")
    services.db.close()
    services.db = Database(f"sqlite:///{seeded}")
    yield Api(services=services, seeded=seeded, folder=folder, key=gym.keys[Role.OWNER], today=TODAY)
    services.db.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_answer_is_declared(api: Api, part: int) -> None:
    """No defect, no status and no body that the document does not name; what it forbids is refused."""
    faults = []
    for operation in api.operations[part::PARTS]:
        for mode, examples in ((GOOD, EXAMPLES), (BAD, EXAMPLES // 2)):
            api.put_back()
            found = api.faults(operation, mode=mode, examples=examples, seed=ASKED is not None)
            faults += [f"{operation.label}: {one}" for one in found]
    assert not faults, f"{len(faults)} faults\n\n" + "\n\n".join(faults)
