"""Certificates say who somebody is, and nothing more."""

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from portillon_cloud.gateways.certificates import CertificateAuthority, Issued
from portillon_cloud.gateways.errors import GatewayNameError
from portillon_cloud.gateways.mosquitto import acl, mosquitto_files

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def authority() -> CertificateAuthority:
    return CertificateAuthority.create(name="Test CA", now=NOW)


def read(issued: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(issued.certificate_pem)


def common_name(issued: Issued) -> object:
    return read(issued).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def test_each_peer_is_named_as_the_acl_names_it(authority: CertificateAuthority) -> None:
    """The common name is the gateway's id, the cloud's name, or tech.<person>; all are for clients only."""
    issued = {
        "front": authority.issue_gateway("front", now=NOW),
        "portillon-cloud": authority.issue_cloud(now=NOW),
        "tech.marie": authority.issue_technician("marie", now=NOW),
    }
    for name, one in issued.items():
        assert common_name(one) == name
        uses = read(one).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        read(one).verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate_pem))


def test_no_gateway_gets_the_clouds_name(authority: CertificateAuthority) -> None:
    """Whoever asks for it, under whatever pretext."""
    for name in ("portillon-cloud", "tech.marie", "+", "a/b"):
        with pytest.raises(GatewayNameError):
            authority.issue_gateway(name, now=NOW)


def test_no_peer_can_sign_others(authority: CertificateAuthority) -> None:
    """Leaves are no authorities, and the authority signs no chains."""
    leaf = read(authority.issue_gateway("front", now=NOW))
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    root = x509.load_pem_x509_certificate(authority.certificate_pem)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_the_authority_survives_a_restart(tmp_path: Path) -> None:
    """Made once, read ever after; its key is for its owner only."""
    first = CertificateAuthority.load_or_create(tmp_path, name="CA", now=NOW)
    second = CertificateAuthority.load_or_create(tmp_path, name="CA", now=NOW)
    assert first.certificate_pem == second.certificate_pem
    read(second.issue_cloud(now=NOW)).verify_directly_issued_by(x509.load_pem_x509_certificate(first.certificate_pem))
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600


def test_a_key_is_never_in_a_log(authority: CertificateAuthority) -> None:
    """repr shows no PEM."""
    assert "PRIVATE" not in repr(authority.issue_cloud(now=NOW))


def test_the_acl_gives_technicians_lines_of_their_own() -> None:
    """A pattern for tech/ would hold for gateways too."""
    text = acl(["marie"])
    assert "topic write portillon/v1/+/tech/tech.marie" in text
    assert "pattern write portillon/v1/%u/up/#" in text
    assert "pattern write portillon/v1/+/tech/%u" not in text


def test_no_value_adds_a_line_to_the_broker_configuration(authority: CertificateAuthority, tmp_path: Path) -> None:
    """A line break in a value is refused."""
    with pytest.raises(ValueError, match="second line"):
        mosquitto_files(
            tmp_path,
            authority=authority,
            server=authority.issue_server(["localhost"], now=NOW),
            port=1,
            bind="::1\nallow_anonymous true",
        )
