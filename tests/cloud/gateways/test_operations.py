"""Enrolling, the configuration a gateway is given, and names that cannot be misread."""

import stat
from pathlib import Path

import pytest
from cloud.gateways.conftest import Gym
from portillon_cloud.gateways.errors import GatewayExistsError, GatewayModeError, GatewayNameError, UnknownGatewayError
from portillon_cloud.gateways.names import checked_gateway_id, technician_name
from portillon_cloud.gateways.operations import gateway_config, revoke_gateway
from portillon_cloud.members.operations import site_keys
from portillon_config import load

DEVICES = """
[[readers]]
name = "lane1-reader"
type = "rdm6300"
path = "reader"

[[outputs]]
name = "lane1-relay"
type = "lcus_relay"
path = "relay"
channel = 1
wiring = "energise_to_release"
max_on_ms = 5000

[[inputs]]
name = "lane1-passage"
type = "modbus"
path = "inputs"
address = 1
channel = 1
active = "closed"
debounce_ms = 20

[[doors]]
name = "lane1"
kind = "turnstile_lane"
zone = "gym"
readers = ["lane1-reader"]
output = "lane1-relay"
passage_input = "lane1-passage"
pulse_ms = 500
passage_window_ms = 5000
"""


def test_the_configuration_is_one_the_gateway_takes(gym: Gym, tmp_path: Path) -> None:
    """The fragment, with devices behind it, loads without a word; keys are the cloud's and the site's own."""
    gym.enrol()
    data_dir = tmp_path / "data"
    with gym.db.read() as conn:
        files = gateway_config(conn, gym.keyring, gateway_id="front", data_dir=data_dir, broker="mqtt://127.0.0.1:1883")
        (key,) = site_keys(conn, gym.keyring, gym.site_id)
    files.write_secrets(tmp_path)
    path = tmp_path / "gateway.toml"
    path.write_text(files.toml + DEVICES)
    config = load(path)
    assert (config.gateway.id, config.gateway.mode) == ("front", "live")
    assert config.cloud.keys[0].public_bytes == gym.keyring.feed_key.public
    secret_file = tmp_path / "site-k1.key"
    assert bytes.fromhex(secret_file.read_text()) == key.secret
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    assert key.secret.hex() not in repr(files)


def test_an_id_is_used_once(gym: Gym) -> None:
    """Two gateways of one name would share topics and certificates."""
    gym.enrol()
    with pytest.raises(GatewayExistsError):
        gym.enrol()


def test_a_test_gateway_belongs_to_a_test_organisation(gym: Gym) -> None:
    """The mode is the organisation's."""
    with pytest.raises(GatewayModeError):
        gym.enrol(mode="test")


def test_another_organisations_gateway_is_not_there(gym: Gym) -> None:
    """Revoking needs the right organisation."""
    gym.enrol()
    with pytest.raises(UnknownGatewayError), gym.db.write() as conn:
        revoke_gateway(conn, organisation_id=gym.organisation_id + 1, gateway_id="front", now_ms=1)


@pytest.mark.parametrize(
    "name",
    ["", "+", "#", "a/b", "a b", "Front", "-a", "portillon-cloud", "tech.marie", "a" * 65, "a\nuser x", "é", "$share"],
)
def test_no_name_can_be_misread(name: str) -> None:
    """What would widen a topic, an ACL line or a certificate is refused, and so are the names of others."""
    with pytest.raises(GatewayNameError):
        checked_gateway_id(name)


def test_a_technician_is_never_called_like_a_gateway() -> None:
    """The dot keeps the two apart."""
    with pytest.raises(GatewayNameError):
        checked_gateway_id(technician_name("marie"))
    with pytest.raises(GatewayNameError):
        technician_name("marie/+")
