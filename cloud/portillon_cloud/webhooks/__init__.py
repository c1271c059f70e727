"""What other people's programs are told of: written in the transaction of the change, sent outside of any."""

from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.telling import tell

__all__ = ["EventKind", "tell"]
