"""A gym in Lyon, and its bank."""

import pytest
from euro_gym import EuroGym, open_euro_gym


@pytest.fixture
def gym(db) -> EuroGym:
    """A gym in Lyon."""
    return open_euro_gym(db)
