"""The one who asks: a person with a session, or a program with an API key. Always of one organisation."""

from dataclasses import dataclass
from enum import StrEnum

from portillon_cloud.identity.roles import PERMISSIONS, Permission, Role


class PrincipalKind(StrEnum):
    STAFF = "staff"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, for which organisation, and with which role. `id` is the row of `staff` or of `api_key`."""

    kind: PrincipalKind
    id: int
    organisation_id: int
    name: str
    role: Role
    language: str

    @property
    def staff_id(self) -> str:
        """How gateways and journals name them: an id, never a name in clear."""
        return f"{self.kind}:{self.id}"

    def may(self, permission: Permission) -> bool:
        """Whether the role carries this permission."""
        return permission in PERMISSIONS[self.role]
