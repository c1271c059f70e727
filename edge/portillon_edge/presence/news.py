"""What the door loop is told of passages at the other gateways of the site."""

from dataclasses import dataclass

from portillon_edge.presence.book import Place


@dataclass(frozen=True, slots=True)
class PresenceHeard:
    """Where members were seen, in any order; `fresh`: nothing of the other gateways is missing or late as of now."""

    members: tuple[tuple[str, Place], ...]
    fresh: bool
    at_ns: int
