"""The site in which every test of the doors begins."""

import pytest
from edge.doors.small_site import ANNE, Site


@pytest.fixture
def site() -> Site:
    """A site in good order, where Anne may pass the gym's lane."""
    site = Site()
    site.admit(ANNE)
    return site
