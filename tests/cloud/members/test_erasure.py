"""A person is erased: nothing opens any more, what the law wants kept stays, and nobody is let in by it."""

import json
from dataclasses import replace
from datetime import date

import pytest
from cloud.gym import Gym, Joined
from cloud.members.test_profiles import MARIE, write
from portillon_cloud.billing.tables import contract, invoice, subscription
from portillon_cloud.database import metadata
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members import erasure
from portillon_cloud.members.company import NeededCompany, set_company
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.members.duplicates import alike
from portillon_cloud.members.errors import PersonErasedError, StillNeededError
from portillon_cloud.members.operations import add_credential, add_member, credentials_of
from portillon_cloud.members.personal_data import personal_data
from portillon_cloud.members.profiles import Whose, history, member_profile
from portillon_cloud.members.status import MemberStatus, statuses_of
from portillon_cloud.members.tables import account, member, profile
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.refunding.by_hand import PaidOut, pay_out
from portillon_cloud.payments.refunding.tables import PaidBy
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.sepa.mandates import NewMandate, add_mandate
from portillon_cloud.payments.sepa.tables import sepa_mandate
from portillon_cloud.payments.tables import Means
from portillon_cloud.secrets import SecretsError
from portillon_rules.credential import Credential, CredentialKind
from sqlalchemy import select, update

START, TODAY, AT_MS = date(2026, 1, 1), date(2026, 6, 1), 1_780_000_000_000
CARD = Credential(CredentialKind.EM4100, "2A00B1C2D3")


def former(gym: Gym, *, ends_on: date = date(2026, 2, 1), **joining: object) -> Joined:
    """A member whose contract is over and billed."""
    joined = gym.join(starts_on=START, **joining)  # type: ignore[arg-type]
    with gym.db.write() as conn:
        over = {"state": "ended", "ends_on": ends_on, "next_invoice_on": None}
        conn.execute(update(subscription).where(subscription.c.id == joined.subscription_id).values(**over))
    write(gym, joined.member_id, MARIE, why="told at the desk")
    return joined


def erase(gym: Gym, member_id: int) -> erasure.Erased:
    with gym.db.write() as conn:
        return erasure.erase_member(
            conn, gym.keyring, organisation_id=gym.organisation_id, member_id=member_id, today=TODAY, at_ms=AT_MS,
            by="Camille",
        )  # fmt: skip


def add_invoice(gym: Gym, joined: Joined) -> None:
    """An invoice of which nothing is owed, to a buyer by name."""
    with gym.db.write() as conn:
        insert_one(
            conn, invoice, organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id,
            account_id=joined.account_id, series="INV", number=1, issued_on=START, due_on=START, issued_at_ms=0,
            currency="CAD", net_minor=0, tax_minor=0, total_minor=0, engine="1", seller={},
            buyer={"name": "Marie-Ève Côté", "email": "marie@example.org"},
        )  # fmt: skip


def test_an_erased_person_is_not_to_be_read_anywhere(gym: Gym) -> None:
    """Names, e-mail, profile, history, marks: gone from every row; who erased them, and when, stays."""
    joined = former(gym)
    with gym.db.read() as conn:
        kept_key = conn.execute(select(profile.c.sealed_key)).scalar_one()
        before = conn.execute(select(profile.c.sealed)).scalar_one()
    done = erase(gym, joined.member_id)
    assert done.account_erased and (done.invoices_kept, done.kept_until) == (0, None)
    with gym.db.read() as conn:
        left = member_profile(conn, gym.keyring, gym.organisation_id, joined.member_id)
        assert (left.first_name, left.email, left.phone, left.birth_date) == (erasure.NO_NAME, None, None, None)
        latest, first = history(conn, gym.keyring, gym.organisation_id, Whose(member, joined.member_id))
        assert (latest.by, latest.fields) == ("Camille", ())
        assert first.fields and first.why is None and not first.after  # what had changed is known; to what is not
        assert alike(conn, gym.keyring, gym.organisation_id, MARIE) == ()
        assert statuses_of(conn, [joined.member_id], TODAY) == {joined.member_id: MemberStatus.ERASED}
        assert tuple(conn.execute(select(account.c.name, account.c.email)).one()) == (erasure.NO_NAME, None)
        assert conn.execute(select(profile.c.sealed_key, profile.c.sealed).distinct()).all() == [(None, None)]
    # Ablation: with the key that was destroyed, the old rows would open; with the installation's alone they do not.
    own = replace(gym.keyring, data_key=gym.keyring.unseal(kept_key, purpose=f"person:member:{joined.member_id}"))
    assert b"Rachel" in own.unseal(before, purpose="profile")
    with pytest.raises(SecretsError):
        gym.keyring.unseal(before, purpose="profile")


def test_no_row_of_any_table_names_the_erased(gym: Gym) -> None:
    """Every table of the schema is looked through, also those made after this test; only a document keeps its buyer."""
    joined = former(gym, name="Marie-Ève Côté")
    add_invoice(gym, joined)

    def naming() -> set[str]:
        with gym.db.read() as conn:
            return {
                table.name
                for table in metadata.sorted_tables
                for row in conn.execute(select(table))
                if "Côté" in repr(row) or "marie" in repr(row).lower()
            }

    assert naming() == {"member", "account", "invoice"}
    erase(gym, joined.member_id)
    assert naming() == {"invoice"}


def test_the_iban_of_the_erased_is_gone_and_their_mandate_dead(gym: Gym) -> None:
    """Whoever asks is given it; erased, that and when they signed stays; what is due back is paid first."""
    joined = former(gym)
    iban = "DE89370400440532013000"
    new = NewMandate(
        organisation_id=gym.organisation_id, account_id=joined.account_id, debtor_name="Marie-Ève Côté", iban=iban,
        signed_on=START,
    )  # fmt: skip
    with gym.db.write() as conn:
        add_mandate(conn, gym.keyring, new, by="desk", now_ms=0)
        [mandate] = personal_data(conn, gym.keyring, gym.organisation_id, joined.member_id).records["sepa_mandate"]
        assert mandate["iban"] == iban
        handed = DeskPayment(
            organisation_id=gym.organisation_id, account_id=joined.account_id, amount_minor=5, currency="CAD",
            means=Means.CASH, request_key="d-1", taken_by="desk", prepay=True,
        )  # fmt: skip
        take_payment(conn, handed, now_ms=AT_MS)
        asked = Refund(
            organisation_id=gym.organisation_id, account_id=joined.account_id, by="desk", reason="late",
            request_key="r-1",
        )  # fmt: skip
        [back] = refund_credit(conn, asked, now_ms=AT_MS)
    with pytest.raises(StillNeededError, match="coming back"):
        erase(gym, joined.member_id)
    with gym.db.write() as conn:
        paid = PaidOut(
            organisation_id=gym.organisation_id, payout_id=back, means=PaidBy.CASH, by="desk", request_key="p-1"
        )
        pay_out(conn, paid, now_ms=AT_MS)
    erase(gym, joined.member_id)
    with gym.db.read() as conn:
        [kept] = conn.execute(select(sepa_mandate)).all()
        [given] = personal_data(conn, gym.keyring, gym.organisation_id, joined.member_id).records["sepa_mandate"]
    assert (kept.iban_sealed, kept.debtor_name, kept.revoked_on) == (None, erasure.NO_NAME, TODAY)
    assert (kept.signed_on, bool(kept.reference), given["iban"]) == (START, True, None)


def test_what_is_erased_does_not_come_back(gym: Gym) -> None:
    """No second erasure, and no profile on top of it."""
    joined = former(gym)
    erase(gym, joined.member_id)
    for again in (lambda: erase(gym, joined.member_id), lambda: write(gym, joined.member_id, MARIE)):
        with pytest.raises(PersonErasedError):
            again()


def test_cards_of_an_erased_person_open_nothing_and_are_free(gym: Gym) -> None:
    """Whoever finds the card does not walk in; the desk may hand it to somebody else."""
    joined = former(gym)
    give = {"organisation_id": gym.organisation_id, "presented": CARD, "now_ms": 1, "by": "desk"}
    with gym.db.write() as conn:
        add_credential(conn, gym.keyring, member_id=joined.member_id, **give)  # type: ignore[arg-type]
    erase(gym, joined.member_id)
    with gym.db.read() as conn:
        (card,) = credentials_of(conn, gym.keyring, gym.organisation_id, joined.member_id)
    assert card.said is CredentialState.EXPIRED
    other = gym.join("Bob Roy", starts_on=START)
    with gym.db.write() as conn:
        add_credential(conn, gym.keyring, member_id=other.member_id, **give)  # type: ignore[arg-type]


def test_invoices_keep_their_buyer_until_the_laws_date(gym: Gym) -> None:
    """Quebec: six years after the year they are of; the contract stays with them."""
    joined = former(gym)
    add_invoice(gym, joined)
    done = erase(gym, joined.member_id)
    assert (done.invoices_kept, done.kept_until) == (1, date(2033, 1, 1))
    with gym.db.read() as conn:
        assert conn.execute(select(invoice.c.buyer)).scalar_one()["name"] == "Marie-Ève Côté"
        assert conn.execute(select(contract.c.id)).scalar_one() == joined.contract_id


def test_who_pays_for_others_is_not_erased_with_one_of_them(gym: Gym) -> None:
    """A household's account goes with its last member."""
    one = former(gym)
    two = former(gym, name="Bob Roy", account_id=one.account_id)
    assert not erase(gym, one.member_id).account_erased
    assert erase(gym, two.member_id).account_erased


@pytest.mark.parametrize("needed", ["membership", "guardian", "owes"])
def test_nobody_is_erased_while_something_hangs_on_them(gym: Gym, needed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A membership, a minor's guardian, money: the message says what to end first, and nothing was touched."""
    joined = gym.join(starts_on=START) if needed == "membership" else former(gym)
    if needed == "guardian":
        minor = gym.join("Zoé Roy", starts_on=START)
        with gym.db.write() as conn:
            set_company(
                conn, organisation_id=gym.organisation_id, member_id=minor.member_id,
                needed=NeededCompany(guardians=(joined.member_id,)),
            )  # fmt: skip
    if needed == "owes":
        monkeypatch.setattr(erasure, "unpaid_invoices", lambda _conn, _account: ["one"])
    with pytest.raises(StillNeededError, match=f"{needed}.*(first|once)"):
        erase(gym, joined.member_id)
    with gym.db.read() as conn:
        assert conn.execute(select(member.c.first_name).where(member.c.id == joined.member_id)).scalar_one() != "—"


def test_a_person_is_given_all_that_is_kept_of_them(gym: Gym) -> None:
    """Profile, history with reasons, and every row that hangs on them, as JSON; no secret and nobody else's."""
    joined, other = former(gym), gym.join("Bob Roy", starts_on=START)
    with gym.db.write() as conn:
        add_credential(
            conn, gym.keyring, organisation_id=gym.organisation_id, member_id=joined.member_id, presented=CARD,
            now_ms=1, by="desk",
        )  # fmt: skip
    add_invoice(gym, joined)
    with gym.db.read() as conn:
        found = personal_data(conn, gym.keyring, gym.organisation_id, joined.member_id)
    assert found.profile["phone"] == MARIE.phone and found.payer is not None and found.cut == ()
    assert found.history[0]["why"] == "told at the desk"
    assert {"member", "account", "contract", "subscription", "invoice", "credential", "credential_change"} <= set(
        found.records
    )
    assert [row["id"] for row in found.records["member"]] == [joined.member_id]
    assert all(row["id"] != other.subscription_id for row in found.records["subscription"])
    text = json.dumps([found.records, found.history, found.profile])
    assert "blind_index" not in text and "sealed" not in text and "Bob" not in text


def test_a_household_member_is_not_given_the_payers_data(gym: Gym) -> None:
    """What the parent pays is the parent's."""
    joined = former(gym)
    with gym.db.write() as conn:
        add_member(
            conn, organisation_id=gym.organisation_id, account_id=joined.account_id, site_id=gym.site_id,
            first_name="Zoé", last_name="Côté", joined_on=START,
        )  # fmt: skip
    with gym.db.read() as conn:
        found = personal_data(conn, gym.keyring, gym.organisation_id, joined.member_id)
    assert found.payer is None and "invoice" not in found.records and "account" not in found.records
