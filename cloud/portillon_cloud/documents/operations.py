"""A contract in writing, from what was agreed to what is proven: prepare, accept, open, verify.

Files are rendered and sealed with no transaction open; what was read before is compared with what is there when it is
written. A change of terms is another document to accept; nobody edits one.
"""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_one
from portillon_cloud.documents.errors import N_, AcceptanceError, SealError, UnknownDocumentError
from portillon_cloud.documents.facts import Facts, contract_facts
from portillon_cloud.documents.paper import DRAWN_HEIGHT, DRAWN_WIDTH, Paper, render, signature
from portillon_cloud.documents.phrases import TEXTS
from portillon_cloud.documents.seal import Seal, apply_seal, originals, require_seal
from portillon_cloud.documents.store import (
    Document,
    DocumentState,
    Evidence,
    document_of,
    documents_of,
    purpose,
    read_evidence,
    read_file,
)
from portillon_cloud.documents.tables import (
    AcceptedHow,
    Signer,
    contract_acceptance,
    contract_document,
    document_file,
)
from portillon_cloud.documents.template import BlockKind, fill, used_places
from portillon_cloud.documents.wordings import Wording, wording_of
from portillon_cloud.locale.words import Words
from portillon_cloud.members.tables import organisation
from portillon_cloud.secrets import Keyring

NAME_CHARACTERS_MAX = 100
POINTS_MAX = 5_000
FRENCH_FIRST = {
    "ca-qc": "Charter of the French language, s. 55",
    "fr": "Law no. 94-665 of 4 August 1994, art. 2",
}
"""Laws under which nobody is bound by another language before they had the contract in French."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Somebody's yes. `sha256`: of the file they had before them. `witness`: at the desk, who had it signed."""

    evidence: Evidence
    signer: Signer
    how: AcceptedHow
    sha256: str
    witness: str | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    organisation_id: int
    subscription_id: int
    version: int
    by: str
    at_ms: int


def prepare(
    db: Database,
    keyring: Keyring,
    *,
    organisation_id: int,
    subscription_id: int,
    language: str | None,
    by: str,
    now_ms: int,
) -> Document:
    """Put what is agreed now on paper, to be accepted; what waited before is replaced by it.

    The same terms on the same day are the same document. Raises UnknownSubscriptionError, FactMissingError,
    WordingError, AcceptanceError.
    """
    with db.read() as conn:
        facts = contract_facts(
            conn,
            keyring,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            language=language,
            now_ms=now_ms,
        )
        wording = wording_of(conn, organisation_id, facts.law, facts.language)
        had = documents_of(conn, organisation_id, subscription_id)
    _require_french_first(facts, had)
    facts.require(used_places(wording.body))
    latest = had[0] if had else None
    if latest is not None and latest.language == facts.language:
        again = _printed(facts, wording, latest.version)
        if _digest(again) == latest.sha256 and latest.words == facts.words:
            return latest
    version = 1 if latest is None else latest.version + 1
    file = _printed(facts, wording, version)
    try:
        with db.write() as conn:
            new = _Prepared(organisation_id, subscription_id, version, by, now_ms)
            document_id = _write(conn, keyring, new, facts, wording, file)
    except IntegrityError as error:
        raise AcceptanceError(N_("Somebody else prepares this contract at this moment: look at theirs.")) from error
    with db.read() as conn:
        return document_of(conn, organisation_id, document_id)


def accept(
    db: Database,
    keyring: Keyring,
    *,
    organisation_id: int,
    document_id: int,
    said: Acceptance,
    now_ms: int,
    real_ms: int,
) -> Document:
    """Record that it was accepted, by whom and how, and seal it. The same yes twice is one.

    Raises UnknownDocumentError, AcceptanceError.
    """
    with db.read() as conn:
        document = document_of(conn, organisation_id, document_id)
        if document.state is DocumentState.ACCEPTED and read_evidence(conn, keyring, document) == said.evidence:
            return document
        file = read_file(conn, keyring, document)
        home = conn.execute(
            select(organisation.c.name, organisation.c.country, organisation.c.time_zone).where(
                organisation.c.id == organisation_id
            )
        ).one()
    _require_acceptable(document, said)
    words = Words(document.language, home.country, home.time_zone)
    shown = signature(_lines(document, said, words, now_ms), said.evidence.strokes, made_on=words.local(now_ms).date())
    seal = Seal(
        seller=home.name,
        reason=f"{document.words} ({said.evidence.name})",
        at=datetime.datetime.fromtimestamp(real_ms // 1000, datetime.UTC),
    )
    sealed = apply_seal(file, shown, seal, keyring.seal_key)
    try:
        with db.write() as conn:
            _require_acceptable(document_of(conn, organisation_id, document_id), said)
            _write_acceptance(conn, keyring, document, said, sealed, now_ms, real_ms)
    except IntegrityError as error:
        raise AcceptanceError(N_("This contract was accepted a moment ago.")) from error
    with db.read() as conn:
        return document_of(conn, organisation_id, document_id)


def verify(conn: Connection, keyring: Keyring, document: Document) -> None:
    """Raises SealError unless the kept file is what was put before the member and, once accepted, bears our seal."""
    file = read_file(conn, keyring, document)
    if _digest(file[: document.size_bytes]) != document.sha256:
        raise SealError(N_("The kept file is not the one that was put before the member."))
    if document.state is DocumentState.ACCEPTED:
        require_seal(file, keyring.seal_key)


def verify_file(conn: Connection, keyring: Keyring, organisation_id: int, data: bytes) -> Document:
    """Which accepted document of the house a file from elsewhere is. Raises SealError if it is none, or was changed."""
    require_seal(data, keyring.seal_key)
    column = contract_document.c
    digests = [_digest(one) for one in originals(data)]
    found = conn.scalar(
        select(column.id).where(column.organisation_id == organisation_id, column.sha256.in_(digests)).limit(1)
    )
    if found is not None:
        return document_of(conn, organisation_id, found)
    raise SealError(N_("The seal is ours, and the contract is none of this organisation."))


def _require_french_first(facts: Facts, had: Sequence[Document]) -> None:
    clause = FRENCH_FIRST.get(facts.law)
    if clause is None or facts.language == "fr" or any(one.language == "fr" for one in had):
        return
    raise AcceptanceError(
        N_("Give the contract in French first; then it may be in English (%(clause)s)."), clause=clause
    )


def _require_acceptable(document: Document, said: Acceptance) -> None:
    if document.state is DocumentState.ACCEPTED:
        raise AcceptanceError(N_("This contract is accepted already."))
    if document.state is DocumentState.REPLACED:
        raise AcceptanceError(N_("This contract was replaced by a later version: open that one."))
    if said.sha256 != document.sha256:
        raise AcceptanceError(N_("The contract on the screen is another one than this: open it again."))
    if said.signer is not document.signer:
        guardian = document.signer is Signer.GUARDIAN
        raise AcceptanceError(
            N_("A parent or guardian accepts this contract.") if guardian else N_("The member accepts this contract.")
        )
    name = said.evidence.name
    if not name.strip() or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        raise AcceptanceError(N_("Type first and last name of whoever accepts."))
    points = [point for stroke in said.evidence.strokes for point in stroke]
    if len(points) > POINTS_MAX or any(not (0 <= x <= DRAWN_WIDTH and 0 <= y <= DRAWN_HEIGHT) for x, y in points):
        raise AcceptanceError(
            N_("The signature has too many strokes, or leaves its field: clear it and draw it again.")
        )


def _lines(document: Document, said: Acceptance, words: Words, now_ms: int) -> list[str]:
    """What stands in the box of the sealed contract."""
    texts = TEXTS[document.language]
    where = texts["at_desk"].format(witness=said.witness) if said.how is AcceptedHow.DESK else texts["by_link"]
    moment = f"{words.moment(now_ms)} ({words.time_zone}), {where}"
    return [said.evidence.name, document.words, moment, f"SHA-256 {document.sha256}"]


def _printed(facts: Facts, wording: Wording, version: int) -> bytes:
    blocks = fill(wording.body, facts.values)
    title = next((block.text for block in blocks if block.kind is BlockKind.TITLE), "")
    below = TEXTS[facts.language]["below"].format(seller=facts.seller, contract=facts.contract_id, version=version)
    return render(blocks, Paper(language=facts.language, title=title, made_on=facts.today, below=below, box=facts.box))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(conn: Connection, keyring: Keyring, new: _Prepared, facts: Facts, wording: Wording, file: bytes) -> int:
    organisation_id = new.organisation_id
    document_id = insert_one(
        conn,
        contract_document,
        organisation_id=organisation_id,
        contract_id=facts.contract_id,
        subscription_id=new.subscription_id,
        version=new.version,
        template_id=wording.template_id,
        wording=wording.name,
        language=facts.language,
        words=facts.words,
        signer=facts.signer.value,
        sha256=_digest(file),
        size_bytes=len(file),
        prepared_at_ms=new.at_ms,
        prepared_by=new.by,
    )
    conn.execute(
        insert(document_file).values(
            document_id=document_id,
            organisation_id=organisation_id,
            file=keyring.seal(file, purpose=purpose("file", organisation_id, document_id)),
        )
    )
    return document_id


def _write_acceptance(
    conn: Connection,
    keyring: Keyring,
    document: Document,
    said: Acceptance,
    sealed: bytes,
    now_ms: int,
    real_ms: int,
) -> None:
    where = (document.organisation_id, document.id)
    conn.execute(
        insert(contract_acceptance).values(
            document_id=document.id,
            organisation_id=document.organisation_id,
            accepted_at_ms=now_ms,
            accepted_at_real_ms=real_ms,
            how=said.how.value,
            witness=said.witness,
            sha256=said.sha256,
        )
    )
    kept = conn.execute(
        update(document_file)
        .where(document_file.c.document_id == document.id)
        .values(
            file=keyring.seal(sealed, purpose=purpose("file", *where)),
            evidence=keyring.seal(said.evidence.to_json(), purpose=purpose("evidence", *where)),
        )
    )
    if not kept.rowcount:
        raise UnknownDocumentError(f"the file of contract document {document.id} was erased")
