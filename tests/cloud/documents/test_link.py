"""Links to a contract: genuine for two weeks, for one document, and for nobody who makes one up."""

import pytest
from portillon_cloud.documents.errors import LinkError
from portillon_cloud.documents.link import LINK_DAYS, ContractLink, link_for, read_link
from portillon_cloud.secrets import Keyring

NOW_MS = 1_800_000_000_000
DAY_MS = 24 * 3600 * 1000


def test_a_link_opens_its_document_for_two_weeks(keyring: Keyring) -> None:
    """It names house and document, until its time is over."""
    link = link_for(keyring, organisation_id=3, document_id=17, real_ms=NOW_MS)
    assert read_link(keyring, link, real_ms=NOW_MS + LINK_DAYS * DAY_MS - 1) == ContractLink(3, 17)
    with pytest.raises(LinkError, match="over"):
        read_link(keyring, link, real_ms=NOW_MS + LINK_DAYS * DAY_MS)


def test_nobody_makes_one_up(keyring: Keyring) -> None:
    """Another document, a later end, another installation's, or a part of one opens nothing."""
    link = link_for(keyring, organisation_id=3, document_id=17, real_ms=NOW_MS)
    house, document, until, proof = link.split("-")
    for made_up in (
        f"{house}-18-{until}-{proof}",
        f"4-{document}-{until}-{proof}",
        f"{house}-{document}-{int(until) + 1}-{proof}",
        f"{house}-{document}-{until}-{'0' * 64}",
        link[:-1],
        "",
        "x" * 500,
        link_for(Keyring.generate(), organisation_id=3, document_id=17, real_ms=NOW_MS),
    ):
        with pytest.raises(LinkError):
            read_link(keyring, made_up, real_ms=NOW_MS)
