"""What a money transaction leaves behind for the gateways: 'this account changed'."""

from portillon_cloud.outbox.operations import (
    account_changed,
    accounts_changed,
    everything_changed,
    is_empty,
    site_rules_changed,
)

__all__ = ["account_changed", "accounts_changed", "everything_changed", "is_empty", "site_rules_changed"]
