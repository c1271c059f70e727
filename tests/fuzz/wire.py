"""What comes over the network and the guard's socket: a message, or a declared error."""

from portillon_edge.guard import protocol
from portillon_edge.guard.errors import GuardError
from portillon_wire.errors import WireError
from portillon_wire.messages import FeedEntry, JournalBatch, Lease, SyncReport, decode
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, verify

KEYS = PublicKeys({"k": PublicKey(SigningKey.generate("k").public, frozenset(KeyUse))})


def message(data: bytes) -> None:
    """Plain messages from a gateway."""
    for kind in (JournalBatch, SyncReport):
        try:
            decode(kind, data)
        except WireError:
            continue


def token(data: bytes) -> None:
    """Signed messages from whoever says to be the cloud: nothing but what was signed is ever believed."""
    for kind in (FeedEntry, Lease):
        try:
            verify(kind, data, keys=KEYS, gateway="g")
        except WireError:
            continue
        raise AssertionError("a token was believed though its key never signed anything")


def guard_line(data: bytes) -> None:
    """Lines on the guard's socket."""
    for read in (protocol.decode_request, protocol.decode_reply):
        try:
            read(data)
        except GuardError:
            continue
