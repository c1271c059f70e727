"""A message to publish, once the transaction that made it has committed."""

from dataclasses import dataclass

from portillon_wire.topics import Down, down

FEED_EXPIRY_S = 3600  # stale is useless: what a gateway missed it gets by its position, not from a broker's queue
LEASE_EXPIRY_S = 60  # two intervals
ACK_EXPIRY_S = 60
PRESENCE_EXPIRY_S = 60  # after that nobody would believe it anyway, and it was asked for again


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One publish at QoS 1, never retained. The broker drops it after `expiry_s`."""

    topic: str
    payload: bytes
    expiry_s: int


def feed(gateway_id: str, token: bytes) -> Outgoing:
    """A feed entry or snapshot offer."""
    return Outgoing(down(gateway_id, Down.FEED), token, FEED_EXPIRY_S)


def lease(gateway_id: str, token: bytes) -> Outgoing:
    """A lease."""
    return Outgoing(down(gateway_id, Down.LEASE), token, LEASE_EXPIRY_S)


def command(gateway_id: str, token: bytes, *, expiry_s: int) -> Outgoing:
    """A command, for as long as it lives."""
    return Outgoing(down(gateway_id, Down.COMMAND), token, expiry_s)


def presence(gateway_id: str, token: bytes) -> Outgoing:
    """What the site's other gateways saw."""
    return Outgoing(down(gateway_id, Down.PRESENCE), token, PRESENCE_EXPIRY_S)


def ack(gateway_id: str, payload: bytes) -> Outgoing:
    """A journal acknowledgement."""
    return Outgoing(down(gateway_id, Down.ACK), payload, ACK_EXPIRY_S)
