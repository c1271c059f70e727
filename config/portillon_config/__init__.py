"""The gateway's configuration: one TOML file, one frozen model, errors that name file, key and what to do."""

from portillon_config.errors import ConfigError
from portillon_config.load import load
from portillon_config.model import GatewayConfig
from portillon_config.site_keys import load_site_keys

__all__ = ["ConfigError", "GatewayConfig", "load", "load_site_keys"]
