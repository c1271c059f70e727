"""The site's secret keys."""

from pathlib import Path

import pytest
from portillon_config import ConfigError, GatewayConfig, load, load_site_keys

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "door-gpio.toml"


@pytest.fixture
def config(tmp_path: Path) -> GatewayConfig:
    path = tmp_path / "gateway.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    return load(path)


def write(config: GatewayConfig, text: str, mode: int = 0o600) -> None:
    path = config.site.keys[0].secret_file
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def test_key_is_read(config: GatewayConfig) -> None:
    """64 hex digits and a line feed are a key of 32 bytes, whose secret no repr shows."""
    write(config, "0f" * 32 + "\n")
    [key] = load_site_keys(config)
    assert (key.key_id, key.secret) == ("k1", b"\x0f" * 32)
    assert "0f0f" not in repr(key)


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("0f" * 32, 0o604, "chmod 600"),
        ("0f" * 31, 0o600, "31 bytes of 32"),
        ("zz" * 32, 0o600, "64 hex digits and nothing else"),
        ("é" * 64, 0o600, "64 hex digits and nothing else"),
    ],
)
def test_bad_key_is_refused(config: GatewayConfig, text: str, mode: int, expected: str) -> None:
    """A key that others may read, or that is none, is refused with what to do."""
    write(config, text, mode)
    with pytest.raises(ConfigError, match=expected):
        load_site_keys(config)


def test_missing_key_is_refused(config: GatewayConfig) -> None:
    """Without its key a gateway knows no card: it says so instead of refusing everybody."""
    with pytest.raises(ConfigError, match=r"site\.key: .*enrol"):
        load_site_keys(config)
