"""What the door loop is told of passages at the other gateways of the site."""

from dataclasses import dataclass

from portillon_wire.presence import Seen, Unseen

UNHEARD_NS = -1
"""`fresh_until_ns` while the site has other gateways, and none was heard."""


@dataclass(frozen=True, slots=True)
class PresenceHeard:
    """Where members were seen, in any order, once or more often.

    Up to `fresh_until_ns` on the boot clock nothing of the other gateways is missing that is older than the stream's
    bound; None: there are no others, and nothing ever is. `unseen`: all that they counted of nobody; None: as before.
    """

    seen: tuple[Seen, ...]
    fresh_until_ns: int | None
    at_ns: int
    unseen: tuple[Unseen, ...] | None = None
