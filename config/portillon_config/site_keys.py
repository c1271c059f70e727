"""Reads the site's secret keys from files that only their owner may read."""

import stat
from pathlib import Path

from portillon_rules.credential import SiteKey

from portillon_config.errors import ConfigError
from portillon_config.model import GatewayConfig


def load_site_keys(config: GatewayConfig) -> tuple[SiteKey, ...]:
    """The site's keys in the order of the file, the current one first; raises ConfigError."""
    return tuple(SiteKey(key.key_id, _secret(key.secret_file)) for key in config.site.keys)


def _secret(path: Path) -> bytes:
    try:
        if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise ConfigError(path, ["may be read by everybody on this machine; run chmod 600 on it"])
        text = path.read_text(encoding="ascii").strip()
        secret = bytes.fromhex(text)
    except OSError as error:
        raise ConfigError(
            path, [f"the site's key cannot be read: {error.strerror}; enrol the gateway again"]
        ) from error
    except ValueError as error:
        raise ConfigError(path, ["is no site key: it must be 64 hex digits and nothing else"]) from error
    if len(secret) != 32:
        raise ConfigError(path, [f"is no site key: it has {len(secret)} bytes of 32, written as 64 hex digits"])
    return secret
