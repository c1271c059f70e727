"""The cloud's own certificate authority: who is who on the broker.

Every peer has an EC P-256 key and a certificate whose common name is its name in topics and in the broker's ACL:
a gateway its id, the cloud `portillon-cloud`, a technician `tech.<person>`. The broker alone has a server certificate.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from portillon_cloud.gateways.names import CLOUD_NAME, checked_gateway_id, technician_name

AUTHORITY_DAYS = 3650
PEER_DAYS = 397  # CA/Browser Forum's longest life of a leaf; rotation before expiry comes with commissioning

# A peer whose clock is behind must still accept a certificate made a moment ago.
_BACKDATED = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key, both PEM."""

    certificate_pem: bytes
    private_key_pem: bytes

    def __repr__(self) -> str:
        return "Issued(certificate_pem=…, private_key_pem=…)"

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write `name.crt` and `name.key` (0600) into `directory`; returns both paths."""
        certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
        directory.mkdir(parents=True, exist_ok=True)
        certificate.write_bytes(self.certificate_pem)
        # Never readable by others, not even between creation and chmod.
        handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self.private_key_pem)
        return certificate, key


class CertificateAuthority:
    """Signs the certificates of one installation's broker, cloud, gateways and technicians."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, *, name: str, now: datetime.datetime) -> CertificateAuthority:
        """Make a new authority: key, self-signed certificate, ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject=subject, issuer=subject, key=key, now=now, days=AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, directory: Path) -> CertificateAuthority:
        """Read `ca.crt` and `ca.key` as `write` left them."""
        certificate = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
        key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{directory / 'ca.key'} is not an EC key; restore the one made with ca.crt")
        return cls(certificate, key)

    @classmethod
    def load_or_create(cls, directory: Path, *, name: str, now: datetime.datetime) -> CertificateAuthority:
        """The authority kept in `directory`; made at the first call."""
        if (directory / "ca.key").exists():
            return cls.load(directory)
        authority = cls.create(name=name, now=now)
        authority.write(directory)
        return authority

    def write(self, directory: Path) -> Path:
        """Write `ca.crt` and `ca.key` (0600) into `directory`; returns the certificate's path."""
        return Issued(self.certificate_pem, _key_pem(self._key)).write(directory, "ca")[0]

    @property
    def certificate_pem(self) -> bytes:
        """What every peer pins."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue_gateway(self, gateway_id: str, *, now: datetime.datetime, days: int = PEER_DAYS) -> Issued:
        """A gateway's client certificate; its common name is `gateway_id`."""
        return self._client(checked_gateway_id(gateway_id), now, days)

    def issue_cloud(self, *, now: datetime.datetime, days: int = PEER_DAYS) -> Issued:
        """The cloud's client certificate: the one peer that may write `down/` and read every `up/`."""
        return self._client(CLOUD_NAME, now, days)

    def issue_technician(self, person: str, *, now: datetime.datetime, days: int = PEER_DAYS) -> Issued:
        """A technician's client certificate; its common name is `tech.<person>`."""
        return self._client(technician_name(person), now, days)

    def issue_server(self, hosts: list[str], *, now: datetime.datetime, days: int = PEER_DAYS) -> Issued:
        """The broker's server certificate for `hosts` (names or IP addresses; the first is the common name)."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._peer(hosts[0], key, now, days, ExtendedKeyUsageOID.SERVER_AUTH)
        names = x509.SubjectAlternativeName([_host_name(host) for host in hosts])
        return self._signed(builder.add_extension(names, critical=False), key)

    def _client(self, common_name: str, now: datetime.datetime, days: int) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        return self._signed(self._peer(common_name, key, now, days, ExtendedKeyUsageOID.CLIENT_AUTH), key)

    def _peer(
        self,
        common_name: str,
        key: ec.EllipticCurvePrivateKey,
        now: datetime.datetime,
        days: int,
        use: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        return (
            _builder(subject=subject, issuer=self._certificate.subject, key=key, now=now, days=days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )

    def _signed(self, builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> Issued:
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key))


def _builder(
    *, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
