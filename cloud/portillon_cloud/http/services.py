"""What the web needs from the composition root; `portillon_cloud.main.Services` has these and more."""

from typing import Protocol

from portillon_cloud.clock import Clock
from portillon_cloud.database import Database
from portillon_cloud.secrets import Keyring


class Services(Protocol):
    """Read-only: the web never replaces a service."""

    @property
    def db(self) -> Database: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def keyring(self) -> Keyring: ...
