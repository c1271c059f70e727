"""Which addresses events are sent to: those of the public internet, and no other.

Whoever may name a URL could else have this server ask what only its own network may ask: a database, a cloud's
metadata. The name is resolved at each sending, every answer must be public, and the connection goes to the address that
was looked at: a name that resolves otherwise a moment later (DNS rebinding) gains nothing.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from portillon_cloud.webhooks.errors import AddressRefusedError, EndpointRefusedError

URL_LENGTH = 500
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215: an IPv4 address inside


def checked_url(url: str, *, test: bool) -> SplitResult:
    """The URL in its parts, if it is one to send to; plain http only for tests. Raises EndpointRefusedError."""
    if len(url) > URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise EndpointRefusedError(f"The URL must be ASCII without spaces, at most {URL_LENGTH} characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EndpointRefusedError(f"The URL cannot be read: {error}.") from error
    if parts.scheme not in (("https", "http") if test else ("https",)):
        raise EndpointRefusedError("The URL must begin with https://: events are not sent in clear text.")
    if not parts.hostname or port == 0:
        raise EndpointRefusedError("The URL names no host, or no port that there is.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise EndpointRefusedError("The URL must hold no user, no password and no #fragment.")
    return parts


def resolved(parts: SplitResult, *, private: bool) -> tuple[str, ...]:
    """The addresses of the host, all of them fit to be sent to. Raises AddressRefusedError, OSError (no such name)."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = tuple(dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    for one in found:
        if not private and not is_public(one):
            raise AddressRefusedError(f"{host} has the address {one}, which is not one of the public internet")
    return found


def is_public(address: str) -> bool:
    """Whether it is an address of the public internet, also behind what wraps an IPv4 address into an IPv6 one."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _NAT64) or found.sixtofour is not None or found.teredo is not None:
            return False
        if found.is_site_local:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved
