"""What a person answers a bank: kept with its documents before it is sent, sent once, erased with whoever paid."""

from dataclasses import replace

import pytest
from cloud.payments.provider_told import Inbox
from cloud.payments.test_disputes import disputed, paid_up, steps
from dues_gym import DuesGym, at
from portillon_cloud.payments.disputes.answering import Answer, answer
from portillon_cloud.payments.disputes.documents import BYTES_MOST, document, erase
from portillon_cloud.payments.disputes.errors import DocumentRefusedError, NothingToAnswerError, WrongDocument
from portillon_cloud.payments.disputes.list import said_of
from portillon_cloud.payments.disputes.tables import dispute, dispute_document, dispute_evidence
from portillon_cloud.payments.errors import RequestKeyReusedError
from portillon_cloud.payments.inbox.news import DisputeState, EvidenceKind, NewsAwayError
from sqlalchemy import select


@pytest.fixture
def inbox(gym: DuesGym) -> Inbox:
    return Inbox(gym.db, gym.organisation_id)


def said(gym: DuesGym, key: str = "an-answer", words: str = "They were here ten times.") -> Answer:
    [dispute_id] = gym.scalars(select(dispute.c.id))
    return Answer(
        organisation_id=gym.organisation_id,
        dispute_id=dispute_id,
        text=words,
        documents=["contract 1"],
        by="Ada",
        request_key=key,
    )


def test_evidence_is_kept_and_sent_once(gym: DuesGym, inbox: Inbox) -> None:
    """The provider is away: what was said is kept, and the same request sends it; decided, nothing more is heard."""
    paid_up(gym)
    seen = disputed(gym, inbox, DisputeState.OPEN)
    inbox.told.away = True
    with pytest.raises(NewsAwayError):
        answer(gym.db, gym.keyring, inbox.news_of, said(gym), now_ms=at(2))
    inbox.told.away = False
    inbox.told.disputes["dp_1"] = replace(seen, state=DisputeState.ANSWERED)
    for _ in range(2):
        assert answer(gym.db, gym.keyring, inbox.news_of, said(gym), now_ms=at(3)) is DisputeState.ANSWERED
    assert {one.key for one in inbox.told.evidence} == {"evidence-1"}
    assert (steps(gym), len(gym.scalars(select(dispute_evidence.c.id)))) == (["open", "evidence", "answered"], 1)
    with pytest.raises(RequestKeyReusedError):
        answer(gym.db, gym.keyring, inbox.news_of, said(gym, words="Something else."), now_ms=at(3))
    with pytest.raises(NothingToAnswerError):
        answer(gym.db, gym.keyring, inbox.news_of, said(gym, key="another"), now_ms=at(3))


PDF, PNG = b"%PDF-1.7 what they signed", b"\x89PNG\r\n\x1a\n a picture"


def test_documents_are_kept_sealed_and_sent_whole(gym: DuesGym, inbox: Inbox) -> None:
    """The provider is away: they go when the same answer is sent again, handed in anew or not; others are another."""
    payer, _ = paid_up(gym)
    seen = disputed(gym, inbox, DisputeState.OPEN)
    files = (
        document(EvidenceKind.CONTRACT, "contract\x00 17.pdf", PDF),
        document(EvidenceKind.VISITS, "../" + "x" * 300, PNG),
    )
    with_files = replace(said(gym), files=files)
    inbox.told.away = True
    with pytest.raises(NewsAwayError):
        answer(gym.db, gym.keyring, inbox.news_of, with_files, now_ms=at(2))
    [sealed, _] = gym.scalars(select(dispute_document.c.sealed))
    assert b"signed" not in bytes(sealed)
    inbox.told.away = False
    inbox.told.disputes["dp_1"] = replace(seen, state=DisputeState.ANSWERED)
    for again in (with_files, said(gym)):
        answer(gym.db, gym.keyring, inbox.news_of, again, now_ms=at(3))
        assert inbox.told.evidence[-1].files == files
    assert [(one.name, one.media_type) for one in files] == [
        ("contract 17.pdf", "application/pdf"),
        ("x" * 100, "image/png"),
    ]
    with gym.db.read() as conn:
        [told] = said_of(conn, gym.organisation_id, with_files.dispute_id)
    assert told.files == tuple(one.name for one in files)
    with pytest.raises(RequestKeyReusedError):
        answer(gym.db, gym.keyring, inbox.news_of, replace(with_files, files=files[:1]), now_ms=at(3))
    with gym.db.write() as conn:
        erase(conn, payer.account_id)
    assert gym.scalars(select(dispute_document.c.sealed)) == [None, None]
    assert set(gym.scalars(select(dispute_document.c.name))) == {"—"}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([(EvidenceKind.OTHER, b"MZ an executable")], WrongDocument.NOT_READ),
        ([(EvidenceKind.OTHER, b"")], WrongDocument.NOT_READ),
        ([(EvidenceKind.CONTRACT, PDF), (EvidenceKind.CONTRACT, PNG)], WrongDocument.TWO_OF_A_KIND),
        ([(EvidenceKind.CONTRACT, PDF), (EvidenceKind.VISITS, PNG + b"x" * BYTES_MOST)], WrongDocument.TOO_LARGE),
    ],
)
def test_what_no_bank_takes_is_not_kept(
    gym: DuesGym, inbox: Inbox, files: list[tuple[EvidenceKind, bytes]], why: WrongDocument
) -> None:
    """By what a file is and not by its name; nothing of such an answer is written."""
    paid_up(gym)
    disputed(gym, inbox, DisputeState.OPEN)
    with pytest.raises(DocumentRefusedError) as refused:
        handed = tuple(document(kind, "fine.pdf", content) for kind, content in files)
        answer(gym.db, gym.keyring, inbox.news_of, replace(said(gym), files=handed), now_ms=at(2))
    assert refused.value.why is why
    assert gym.scalars(select(dispute_evidence.c.id)) == []
