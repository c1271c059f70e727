"""The composition root: what exists once per process, and who handles what. The only place that names a provider."""

from importlib import import_module
from importlib.util import find_spec

FEATURES_WITH_TABLES = (
    "members",
    "clock",
    "timers",
    "outbox",
    "ledger",
    "billing",
    "payments",
    "dunning",
    "messages",
    "access",
    "identity",
    "gateways",
    "attendance",
)


def all_tables() -> None:
    """Import every feature's tables, so that the metadata knows the whole schema."""
    for feature in FEATURES_WITH_TABLES:
        name = f"portillon_cloud.{feature}.tables"
        if find_spec(name) is not None:  # while the first features are being written
            import_module(name)
