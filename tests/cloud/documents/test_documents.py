"""A contract in writing on both engines: put before the member once, accepted once, sealed, and proven afterwards."""

from datetime import date

import pytest
from cloud.documents.house import PERMIT, joined, know, sign, write
from cloud.gym import Gym, Joined
from portillon_cloud.billing import changes
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import discount
from portillon_cloud.billing.timeline import Discounted
from portillon_cloud.documents.erasure import Kept, erase_documents
from portillon_cloud.documents.errors import (
    AcceptanceError,
    FactMissingError,
    SealError,
    UnknownDocumentError,
    WordingError,
)
from portillon_cloud.documents.facts import contract_facts
from portillon_cloud.documents.operations import verify, verify_file
from portillon_cloud.documents.store import Document, DocumentState, document_of, purpose, read_evidence, read_file
from portillon_cloud.documents.tables import Signer, contract_acceptance, document_file
from portillon_cloud.documents.wording import default_wording
from portillon_cloud.documents.wordings import save_wording, wording_of
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError


def file_of(gym: Gym, document: Document) -> bytes:
    with gym.db.read() as conn:
        return read_file(conn, gym.keyring, document)


def values(gym: Gym, member: Joined) -> dict[str, str]:
    with gym.db.read() as conn:
        facts = contract_facts(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            subscription_id=member.subscription_id,
            language="en",
            now_ms=gym.clock.real_ms(),
        )
    return dict(facts.values)


def test_from_agreement_to_proof(gym: Gym) -> None:
    """Prepared, accepted and sealed; the sealed file begins with the very bytes that were accepted."""
    know(gym)
    document = write(gym, joined(gym))
    shown = file_of(gym, document)
    assert (document.state, document.version, document.language) == (DocumentState.WAITING, 1, "fr")
    done = sign(gym, document)
    sealed = file_of(gym, done)
    assert (done.state, done.witness) == (DocumentState.ACCEPTED, "Claude")
    assert sealed.startswith(shown) and len(sealed) > len(shown)
    with gym.db.read() as conn:
        verify(conn, gym.keyring, done)
        assert verify_file(conn, gym.keyring, gym.organisation_id, sealed) == done
        evidence = read_evidence(conn, gym.keyring, done)
    assert evidence is not None and evidence.name == "Nadia Roy" and evidence.address == "192.0.2.7"


def test_the_same_terms_are_the_same_document(gym: Gym) -> None:
    """Pressing twice makes one document, byte by byte; other terms make the next version, and only that is open."""
    know(gym)
    member = joined(gym)
    first = write(gym, member)
    assert write(gym, member) == first
    half = Discounted(at=Moment(date(2026, 1, 31)), code="FRIEND", share_ppm=500_000)
    with gym.db.write() as conn:
        changes.change(
            conn,
            organisation_id=gym.organisation_id,
            subscription_id=member.subscription_id,
            ask=lambda recorded, today: discount(recorded, half, today=today),
            author=Author(name="desk", at_ms=gym.clock.real_ms()),
        )
    second = write(gym, member)
    assert (second.version, second.state) == (2, DocumentState.WAITING)
    with pytest.raises(AcceptanceError, match="replaced"):
        sign(gym, first)
    assert sign(gym, second).state is DocumentState.ACCEPTED


def test_what_is_printed_is_what_is_billed(gym: Gym) -> None:
    """Price, each payment and the total with taxes are the engine's own: twelve times $114.98, $1,379.76 in all."""
    know(gym)
    said = values(gym, joined(gym))
    assert said["price"] == "$100.00 a month, taxes on top"
    assert said["payments"] == "12 payments of $114.98, the first on Jan 31, 2026, the last on Dec 31, 2026."
    assert (said["total"], said["seller_permit"]) == ("$1,379.76", PERMIT)
    assert said["term"] == "From Jan 31, 2026 to Jan 30, 2027, both included."


def test_nothing_is_prepared_without_what_the_law_wants(gym: Gym) -> None:
    """Quebec wants the permit and both addresses in writing: what is missing is named with its clause and its place."""
    member = gym.join(starts_on=date(2026, 1, 31))
    with pytest.raises(FactMissingError) as missing:
        write(gym, member)
    said = str(missing.value)
    assert "seller_permit (P-40.1, s. 199 (a)): enter it in what contracts say of the seller" in said
    assert "payer_address (P-40.1, s. 199 (b)): enter it in the profile" in said


def test_french_comes_first_in_quebec(gym: Gym) -> None:
    """English binds nobody before they had the contract in French (Charter of the French language, s. 55)."""
    know(gym)
    member = joined(gym)
    with pytest.raises(AcceptanceError, match=r"s\. 55"):
        write(gym, member, "en")
    write(gym, member, "fr")
    english = write(gym, member, "en")
    assert (english.version, sign(gym, english).state) == (2, DocumentState.ACCEPTED)


def test_a_guardian_accepts_for_a_minor(gym: Gym) -> None:
    """A minor cannot bind themselves: the words are a guardian's, and nobody else accepts them."""
    know(gym)
    document = write(gym, joined(gym, "Léo Roy", birth_date=date(2011, 6, 1)))
    assert document.signer is Signer.GUARDIAN and "Léo Roy" in document.words
    with pytest.raises(AcceptanceError, match="parent or guardian"):
        sign(gym, document, "Léo Roy")
    assert sign(gym, document, "Anne Roy", signer=Signer.GUARDIAN).state is DocumentState.ACCEPTED


def test_it_is_accepted_once(gym: Gym) -> None:
    """The same yes twice is one; another one later, or of another file, is refused."""
    know(gym)
    document = write(gym, joined(gym))
    with pytest.raises(AcceptanceError, match="another one than this"):
        sign(gym, document, sha256="0" * 64)
    assert sign(gym, document) == sign(gym, document)
    with pytest.raises(AcceptanceError, match="accepted already"):
        sign(gym, document, "Somebody Else")
    with gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(contract_acceptance)) == 1


@pytest.mark.parametrize("name", ["  ", "x" * 101, "Nadia\nRoy"])
def test_who_accepts_has_a_name(gym: Gym, name: str) -> None:
    """An empty, endless or many-lined name is no name."""
    know(gym)
    with pytest.raises(AcceptanceError, match="first and last name"):
        sign(gym, write(gym, joined(gym)), name)


def test_a_changed_file_is_found_out(gym: Gym) -> None:
    """One byte changed anywhere, or the seal cut off, and it is none of ours; the ablation is the untouched file."""
    know(gym)
    document = sign(gym, write(gym, joined(gym)))
    sealed = file_of(gym, document)
    with gym.db.read() as conn:
        verify_file(conn, gym.keyring, gym.organisation_id, sealed)
        for at in (20, document.size_bytes // 2, document.size_bytes + 1_000):
            spoilt = bytearray(sealed)
            spoilt[at] ^= 1
            with pytest.raises(SealError):
                verify_file(conn, gym.keyring, gym.organisation_id, bytes(spoilt))
        for none_of_ours in (sealed[: document.size_bytes], b"", b"%PDF-1.7 nothing", sealed + b"\n% more"):
            with pytest.raises(SealError):
                verify_file(conn, gym.keyring, gym.organisation_id, none_of_ours)


def test_another_house_does_not_vouch_for_it(gym: Gym) -> None:
    """The seal is the installation's, the contract one organisation's."""
    know(gym)
    document = sign(gym, write(gym, joined(gym)))
    with gym.db.read() as conn:
        with pytest.raises(SealError, match="none of this organisation"):
            verify_file(conn, gym.keyring, gym.organisation_id + 1, file_of(gym, document))
        with pytest.raises(UnknownDocumentError):
            document_of(conn, gym.organisation_id + 1, document.id)


def test_a_file_put_in_its_place_is_seen(gym: Gym) -> None:
    """Whoever swaps the kept file for another sealed one is found out by the digest that never changes."""
    know(gym)
    first, second = (sign(gym, write(gym, joined(gym, name)), name) for name in ("Nadia Roy", "Ali Côté"))
    other = gym.keyring.seal(file_of(gym, second), purpose=purpose("file", gym.organisation_id, first.id))
    with gym.db.write() as conn:
        conn.execute(update(document_file).where(document_file.c.document_id == first.id).values(file=other))
    with gym.db.read() as conn, pytest.raises(SealError, match="not the one"):
        verify(conn, gym.keyring, first)


def test_what_was_accepted_never_changes(gym: Gym) -> None:
    """The database itself refuses to change or delete an acceptance."""
    know(gym)
    sign(gym, write(gym, joined(gym)))
    with pytest.raises(DatabaseError, match="never change"), gym.db.write() as conn:
        conn.execute(update(contract_acceptance).values(sha256="0" * 64))
    with pytest.raises(DatabaseError, match="never change"), gym.db.write() as conn:
        conn.execute(delete(contract_acceptance))


def test_a_house_words_its_own_contracts(gym: Gym) -> None:
    """A new version is used from then on, what was prepared stays as it was; a wrong one is not kept."""
    know(gym)
    member = joined(gym)
    before = write(gym, member)
    own = default_wording("ca-qc", "fr").replace("Contrat d'abonnement", "Notre contrat")
    where = {"organisation_id": gym.organisation_id, "law": "ca-qc", "language": "fr"}
    with gym.db.write() as conn:
        assert save_wording(conn, **where, body=own, by="owner", now_ms=1) == 1
        with pytest.raises(WordingError):
            save_wording(conn, **where, body="# Nothing", by="owner", now_ms=2)
        assert wording_of(conn, gym.organisation_id, "ca-qc", "fr").body == own
    after = write(gym, member)
    assert (before.wording, after.wording, after.version) == ("ca-qc fr 2026-1", "ca-qc fr own 1", 2)


def test_a_name_that_cannot_be_printed_is_refused(gym: Gym) -> None:
    """Nobody signs an empty square: a letter that the font has not is named."""
    know(gym)
    with pytest.raises(WordingError, match="no letter for Н"):
        write(gym, joined(gym, "Надя Roy"))


def test_erasure_keeps_what_was_accepted_and_nothing_else(gym: Gym) -> None:
    """A draft goes with the person; the accepted contract stays, whole and sealed, and the answer says so."""
    know(gym)
    member = joined(gym)
    accepted = sign(gym, write(gym, member))
    draft = write(gym, member, "en")
    with gym.db.write() as conn:
        kept = erase_documents(conn, member.member_id)
    assert kept == Kept(1, date(2027, 1, 31))
    with gym.db.read() as conn:
        verify(conn, gym.keyring, accepted)
        assert not document_of(conn, gym.organisation_id, draft.id).has_file
        with pytest.raises(UnknownDocumentError, match="erased"):
            read_file(conn, gym.keyring, draft)
