"""What the worker does for webhooks in each of its rounds."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from portillon_cloud.clock import Clock
from portillon_cloud.database import Database
from portillon_cloud.messages.carrier import Carrier
from portillon_cloud.secrets import Keyring
from portillon_cloud.webhooks.delivering import WebhookPost
from portillon_cloud.webhooks.housekeeping import Housekeeping
from portillon_cloud.webhooks.owner_notice import OwnerNotice
from portillon_cloud.webhooks.sending import HttpSender


def webhook_drains(
    *, db: Database, clock: Clock, keyring: Keyring, carrier: Carrier, threads: Executor, inside: bool
) -> Sequence[Callable[[], int]]:
    """Send, tidy up, tell owners. `inside`: test organisations may name addresses that are not of the internet."""
    return (
        WebhookPost(db=db, clock=clock, keyring=keyring, sender=HttpSender(private=inside), pool=threads),
        Housekeeping(db=db, clock=clock),
        OwnerNotice(db=db, clock=clock, carrier=carrier),
    )
