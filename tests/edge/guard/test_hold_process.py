"""Holds of a real client by a real guard process on simulated relay boards."""

from typing import Any

from portillon_edge.guard.protocol import HOLD_MS, Locked, Released, RequestRefused, Why


def held(site: Any) -> Any:
    """A client that has asked for a hold of the first lane once, and the lane is released."""
    client = site.client()
    client.wait_for(Locked, output="relay1")
    client.guard.hold("relay1")
    client.wait_for(Released, output="relay1")
    site.wait_releasing(1, True)
    return client


def test_hold_is_kept_past_max_on_and_ends_when_locked(site: Any) -> None:
    """A hold outlasts max_on_ms (50 ms here), is told once, and ends at once when asked."""
    site.configure(max_on_ms=50)
    site.guard()
    client = held(site)
    client.guard.hold("relay1")
    client.guard.lock("relay1")
    client.wait_for(Locked, output="relay1", why=Why.ASKED)
    site.wait_releasing(1, False)
    assert sum(isinstance(message, Released) for message in client.told) == 1


def test_hold_of_an_output_that_may_not_is_refused(site: Any) -> None:
    """The guard's own configuration says what may be held, whatever the client believes."""
    site.guard()
    client = site.client()
    client.wait_for(Locked, output="relay2")
    client.guard.hold("relay2")
    assert "continuous = true" in client.wait_for(RequestRefused).detail
    assert not site.releasing(2)


def test_client_that_hangs_without_dying_is_not_believed_for_long(site: Any) -> None:
    """Connected but silent: five seconds after its last word the guard locks and says why."""
    site.guard()
    client = held(site)
    client.wait_for(Locked, output="relay1", why=Why.NOT_RENEWED)
    site.wait_releasing(1, False)
    assert HOLD_MS - 10 <= site.control.lanes()[0]["longest_ms"] <= HOLD_MS + 250
