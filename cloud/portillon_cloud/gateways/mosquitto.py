"""What Mosquitto is told: a listener that wants certificates, and an ACL that gives each name its own topics only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portillon_cloud.gateways.certificates import CertificateAuthority, Issued
from portillon_cloud.gateways.names import CLOUD_NAME, technician_name

# Messages one client may have in flight: the broker announces it as its Receive Maximum, and both our clients obey it.
MAX_INFLIGHT = 50
MAX_QUEUED = 10_000


@dataclass(frozen=True, slots=True)
class MosquittoFiles:
    """Where `mosquitto_files` wrote what."""

    conf: Path
    acl: Path
    state: Path


def acl(technicians: Sequence[str] = ()) -> str:
    """The ACL: `%u` is the common name of the peer's certificate. What no line allows is refused.

    Technicians get a line each and no pattern: a pattern would hold for gateways too.
    """
    lines = [
        "# A gateway writes only its own up/ and reads only its own down/ and tech/.",
        "pattern write portillon/v1/%u/up/#",
        "pattern read portillon/v1/%u/down/#",
        "pattern read portillon/v1/%u/tech/#",
        "",
        "# Only the cloud writes down/.",
        f"user {CLOUD_NAME}",
        "topic read portillon/v1/+/up/#",
        "topic readwrite portillon/v1/+/down/#",
        "topic read portillon/v1/+/tech/#",
    ]
    for person in technicians:
        name = technician_name(person)
        lines += ["", f"user {name}", f"topic write portillon/v1/+/tech/{name}", "topic read portillon/v1/+/up/result"]
    return "\n".join(lines) + "\n"


def mosquitto_files(
    directory: Path,
    *,
    authority: CertificateAuthority,
    server: Issued,
    port: int,
    bind: str = "127.0.0.1",
    technicians: Sequence[str] = (),
    run_as: str | None = None,
) -> MosquittoFiles:
    """Write configuration, ACL and certificates for one Mosquitto into `directory`.

    `run_as` is the account the broker changes to when root starts it (its own default is `mosquitto`).
    `autosave_on_changes` makes a killed broker keep what it confirmed; nothing of ours relies on it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    state = directory / "state"
    state.mkdir(exist_ok=True)
    authority_file = directory / "ca.crt"
    authority_file.write_bytes(authority.certificate_pem)
    certificate, key = server.write(directory, "server")
    acl_file = directory / "acl"
    acl_file.write_text(acl(technicians))
    acl_file.chmod(0o600)
    conf = directory / "mosquitto.conf"
    settings = {
        **({"user": run_as} if run_as else {}),
        "persistence": "true",
        "persistence_location": f"{state}/",
        "autosave_on_changes": "true",
        "autosave_interval": "1",
        "max_inflight_messages": str(MAX_INFLIGHT),
        "max_queued_messages": str(MAX_QUEUED),
        "listener": f"{port} {bind}",
        "cafile": str(authority_file),
        "certfile": str(certificate),
        "keyfile": str(key),
        "tls_version": "tlsv1.2",  # the lowest accepted
        "require_certificate": "true",
        "use_identity_as_username": "true",
        "allow_anonymous": "false",
        "acl_file": str(acl_file),
    }
    conf.write_text("".join(f"{name} {_one_line(value)}\n" for name, value in settings.items()))
    return MosquittoFiles(conf=conf, acl=acl_file, state=state)


def _one_line(value: str) -> str:
    if re.search(r"[\r\n]", value):
        raise ValueError(f"{value!r} would begin a second line in mosquitto.conf")
    return value
