"""Where the broker is and how this gateway proves who it is."""

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from portillon_edge.errors import LinkMisconfigured

RECONNECT_S_MAX = 300.0
LOOPBACK_RECONNECT_S_MAX = 2.0
"""A broker on this very machine is not stormed by ten thousand others: try it often."""


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """`mqtts://host:port` with three files, or `mqtt://` on loopback without."""

    url: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    private_key_file: Path | None = None

    @property
    def host(self) -> str:
        """The broker's host name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Its port; by default 8883 for mqtts, 1883 for mqtt."""
        return urlsplit(self.url).port or (8883 if self.secure else 1883)

    @property
    def secure(self) -> bool:
        """Whether the connection is TLS."""
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def reconnect_s_max(self) -> float:
        """The longest pause between two tries."""
        return LOOPBACK_RECONNECT_S_MAX if is_loopback(self.host) else RECONNECT_S_MAX

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context, None for mqtt://. Raises LinkMisconfigured."""
        scheme = urlsplit(self.url).scheme
        if scheme == "mqtt":
            if not is_loopback(self.host):
                raise LinkMisconfigured(f"{self.url}: mqtt:// is clear text and for loopback only; write mqtts://")
            return None
        if scheme != "mqtts" or not self.host:
            raise LinkMisconfigured(f"{self.url}: write the broker as mqtts://host:port")
        if self.ca_file is None or self.certificate_file is None or self.private_key_file is None:
            raise LinkMisconfigured(f"{self.url}: mqtts:// needs ca_file, certificate_file and private_key_file")
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file))
            context.load_cert_chain(self.certificate_file, self.private_key_file)
        except (OSError, ssl.SSLError) as error:
            files = f"{self.ca_file}, {self.certificate_file}, {self.private_key_file}"
            raise LinkMisconfigured(
                f"certificates cannot be used ({files}): {error}; enrol the gateway again"
            ) from error
        return context


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
