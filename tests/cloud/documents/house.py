"""A gym in Quebec with one member whose contract can be written: address, permit, profile."""

from datetime import date

from cloud.gym import Gym, Joined
from portillon_cloud.documents.operations import Acceptance, accept, prepare
from portillon_cloud.documents.store import Document, Evidence
from portillon_cloud.documents.tables import AcceptedHow, Signer
from portillon_cloud.documents.wordings import Particulars, save_particulars
from portillon_cloud.members.profile import Address, MemberProfile
from portillon_cloud.members.profiles import change_member

STARTS_ON = date(2026, 1, 31)
ADDRESS = Address(street="12, rue Rachel", city="Montréal", region="QC", postal_code="H2X 1Y4", country="CA")
PERMIT = "123456"
STROKES = (((10, 200), (300, 40), (600, 220)), ((700, 100), (900, 120)))


def know(gym: Gym, *, permit: str | None = PERMIT) -> None:
    """What contracts say of the seller."""
    with gym.db.write() as conn:
        save_particulars(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            said=Particulars(
                address="1, avenue du Mont-Royal, Montréal", contact="514 555-0100", permit=permit, places={}
            ),
        )


def joined(gym: Gym, name: str = "Nadia Roy", *, birth_date: date | None = date(1990, 5, 1)) -> Joined:
    """A member whose address and birth date are known."""
    member = gym.join(name, starts_on=STARTS_ON)
    first_name, _, last_name = name.partition(" ")
    with gym.db.write() as conn:
        change_member(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            member_id=member.member_id,
            new=MemberProfile(first_name=first_name, last_name=last_name, birth_date=birth_date, address=ADDRESS),
            at_ms=gym.clock.real_ms(),
            by="desk",
        )
    return member


def write(gym: Gym, member: Joined, language: str | None = None) -> Document:
    """Its contract on paper, as of now."""
    return prepare(
        gym.db,
        gym.keyring,
        organisation_id=gym.organisation_id,
        subscription_id=member.subscription_id,
        language=language,
        by="desk",
        now_ms=gym.clock.real_ms(),
    )


def sign(
    gym: Gym, document: Document, name: str = "Nadia Roy", *, signer: Signer = Signer.MEMBER, sha256: str | None = None
) -> Document:
    """Accepted at the desk."""
    return accept(
        gym.db,
        gym.keyring,
        organisation_id=gym.organisation_id,
        document_id=document.id,
        said=Acceptance(
            evidence=Evidence(name=name, strokes=STROKES, address="192.0.2.7"),
            signer=signer,
            how=AcceptedHow.DESK,
            sha256=sha256 or document.sha256,
            witness="Claude",
        ),
        now_ms=gym.clock.real_ms(),
        real_ms=gym.clock.real_ms(),
    )
