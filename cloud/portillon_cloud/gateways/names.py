"""The names that stand in topics, certificates and ACL lines at once, so they must mean the same in all three."""

import re

from portillon_cloud.gateways.errors import GatewayNameError

CLOUD_NAME = "portillon-cloud"
TECHNICIAN_PREFIX = "tech."

# No slash, plus, hash or dollar (topics and ACL patterns), no space (ACL lines), no dot (so that no gateway can be
# called like a technician); at most 64 characters, the limit of a certificate's common name (RFC 5280 ub-common-name).
_GATEWAY = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PERSON = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


def checked_gateway_id(gateway_id: str) -> str:
    """Return `gateway_id` if it may be one; raises GatewayNameError."""
    if not _GATEWAY.fullmatch(gateway_id) or gateway_id == CLOUD_NAME:
        raise GatewayNameError(
            f"{gateway_id!r} cannot be a gateway's id: use 1 to 64 of a-z, 0-9 and -, first a letter or digit, "
            f"and not {CLOUD_NAME!r}"
        )
    return gateway_id


def technician_name(person: str) -> str:
    """The common name and topic name of technician `person`; raises GatewayNameError."""
    if not _PERSON.fullmatch(person):
        raise GatewayNameError(f"{person!r} cannot be a technician's name: use 1 to 41 of a-z, 0-9 and -")
    return TECHNICIAN_PREFIX + person
