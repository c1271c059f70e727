"""What can go wrong between the cloud and its gateways: what may pass soon, and what never will."""

from portillon_cloud.errors import ConflictError, NotFoundError, PermanentError, RefusedError, TransientError


class BrokerUnreachableError(TransientError):
    """No MQTT connection: refused, timed out, or the broker does not accept our certificate."""


class GatewayNameError(PermanentError, ValueError):
    """A gateway id or person that would change the meaning of a topic, a certificate or an ACL line."""


class BrokerUrlError(PermanentError, ValueError):
    """A broker URL that is neither mqtt:// on loopback nor mqtts:// with the cloud's certificate."""


class GatewayExistsError(ConflictError):
    """A gateway of this id is enrolled already; ids are never used again."""


class GatewayModeError(RefusedError):
    """A live organisation was given a test gateway, or a test one a live gateway."""


class UnknownGatewayError(NotFoundError):
    """No gateway of this id is enrolled in this organisation."""


class GatewayAwayError(ConflictError):
    """A command for a gateway that is not connected: it is not kept for later."""


class SnapshotGoneError(NotFoundError):
    """No snapshot answers to this token: never made, or past its hour. The gateway asks for a new offer."""
