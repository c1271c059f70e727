"""The gym whose members owe, with the French tax regime: there takings are chained."""

import pytest
from dues_gym import DuesGym
from dues_gym import gym as gym
from portillon_cloud.members.tables import legal_entity
from sqlalchemy import update


@pytest.fixture
def french(gym: DuesGym) -> DuesGym:
    """Its law is what matters here; its currency and clock stay."""
    with gym.db.write() as conn:
        conn.execute(update(legal_entity).values(tax_regime="fr"))
    return gym
