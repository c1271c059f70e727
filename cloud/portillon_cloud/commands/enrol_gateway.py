"""portillon-cloud enrol-gateway: write what a technician carries to it: configuration, secrets, certificate."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from portillon_cloud.clock import read_clock
from portillon_cloud.commands.choosing import the_organisation, the_site
from portillon_cloud.commands.session import Organisation, Site, out, services_of
from portillon_cloud.gateways.certificates import CertificateAuthority
from portillon_cloud.gateways.operations import enrol_gateway as enrol_in_database
from portillon_cloud.gateways.operations import gateway_config
from portillon_cloud.main import Services


def enrol(
    services: Services,
    *,
    organisation_id: int,
    site_id: int,
    gateway_id: str,
    name: str,
    broker: str,
    directory: Path,
    authority_dir: Path | None,
) -> Path:
    """Enrol and write `gateway.toml` with its secrets into `directory`; its path. Devices and doors are added by hand.

    With `authority_dir` (made at the first call) a client certificate is issued and named in the configuration.
    """
    now_ms = services.clock.real_ms()
    files: dict[str, Path] = {}
    if authority_dir is not None:
        now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
        authority = CertificateAuthority.load_or_create(authority_dir, name="Portillon", now=now)
        certificate, key = authority.issue_gateway(gateway_id, now=now).write(directory, gateway_id)
        ca_file = directory / "ca.crt"
        ca_file.write_bytes(authority.certificate_pem)
        files = {"ca_file": ca_file, "certificate_file": certificate, "private_key_file": key}
    with services.db.write() as conn:
        mode = read_clock(conn, organisation_id, now_ms).mode
        enrol_in_database(
            conn,
            organisation_id=organisation_id,
            site_id=site_id,
            gateway_id=gateway_id,
            name=name,
            mode=mode,
            now_ms=now_ms,
        )
        made = gateway_config(
            conn,
            services.keyring,
            gateway_id=gateway_id,
            data_dir=directory / "data",
            broker=broker,
            ca_file=files.get("ca_file"),
            certificate_file=files.get("certificate_file"),
            private_key_file=files.get("private_key_file"),
            snapshot_base=services.settings.base_url,
        )
    made.write_secrets(directory)
    path = directory / "gateway.toml"
    path.write_text(made.toml)
    return path


def enrol_gateway(
    ctx: typer.Context,
    gateway: Annotated[str, typer.Argument(help="Its id: letters, digits, dashes.")],
    directory: Annotated[Path, typer.Argument(help="Where its files are written.")],
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    authority: Annotated[
        Path | None, typer.Option(help="Folder of the certificate authority, made at the first call.")
    ] = None,
    organisation: Organisation = None,
    site: Site = None,
) -> None:
    """Enrol a gateway and write its configuration, keys and certificate; add its devices and doors by hand."""
    services = services_of(ctx)
    with services.db.read() as conn:
        organisation_id = the_organisation(conn, organisation)
        site_id = the_site(conn, organisation_id, site)
    broker = services.settings.broker
    path = enrol(
        services,
        organisation_id=organisation_id,
        site_id=site_id,
        gateway_id=gateway,
        name=name or gateway,
        broker="mqtt://127.0.0.1:1883" if broker is None else broker.url,
        directory=directory,
        authority_dir=authority,
    )
    out.print(
        f"Wrote {path}. Add its readers, outputs and doors, then: portillon-edge check --config {path}", soft_wrap=True
    )
