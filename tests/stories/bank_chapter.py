"""The chapter of the banks: what a payment service tells reaches ledger and lane, and what we ask for reaches it."""

import uuid
from datetime import date
from typing import Any

from stories.chapters import TOTAL_MINOR, WITHIN_S, Lines, Say, arrives, instant_ms, require, until_answer
from stories.gym import Gym
from stories.members import Person
from stories.payment_service import SECRET
from stories.process import until

BILLED_ON = date(2026, 12, 1)


def banks(gym: Gym, say: Say) -> Lines:
    """5. A card is charged, disputed, won back, replaced and paid back; a debit comes back after it had paid."""
    service, holder, debtor = gym.payment_service, gym.people[50], gym.people[51]
    service.start(gym.cloud.business_ms())
    keys = {"secret_key": SECRET, "publishable_key": "pk_test_story"}
    gym.cloud.put("/payment-providers/stripe", keys)
    where = gym.cloud.get("/payment-providers/stripe")["webhook_url"]
    told = service.client.webhook_endpoints.create({"url": where, "enabled_events": ["*"]})
    gym.cloud.put("/payment-providers/stripe", {**keys, "webhook_secret": told.secret})
    debit = service.client.payment_methods.create(
        {"type": "acss_debit", "acss_debit": {"account_number": "000123456789"}}  # type: ignore[typeddict-item]
    )
    card, customer = _enter(gym, holder, "pm_card_visa")
    _enter(gym, debtor, str(debit.id))
    gym.cloud.advance_to(instant_ms(2026, 12, 1, 9))
    gym.wait_in_force()
    require(_owed_minor(gym, holder) == 0, "the card at the payment service paid December")
    service.turn_to(instant_ms(2026, 12, 8, 9))
    gym.cloud.advance_to(instant_ms(2026, 12, 8, 9))
    until("the debit has settled", lambda: _owed_minor(gym, debtor) == 0, within_s=30)

    seconds = _disputed(gym, holder, service.latest_charge(customer))
    service.act("update_card", payment_method=card, last4="1881", exp_year=2037)
    label = "SELECT label FROM payment_method WHERE account_id = ? AND provider = 'stripe'"
    until("the new card is known", lambda: "1881" in gym.ledger.rows(label, gym.account_of(holder))[0][0], within_s=30)
    back_minor = _paid_back(gym, holder)
    refunded = "SELECT count(*) FROM payout_paid"
    until("it went back to the card", lambda: gym.ledger.number(refunded) > 0, within_s=30)
    given = sum(one.amount for one in service.client.refunds.list().data)
    require(given == back_minor, f"the service gave back {back_minor}, not {given}")

    [returned] = [one for one in service.client.charges.list({"limit": 100}).data if one.customer != customer]
    service.act("dispute", charge=returned.id)
    until("the returned debit is owed again", lambda: _owed_minor(gym, debtor) == TOTAL_MINOR, within_s=30)
    require(gym.badge(2, debtor.card)["relay_ns"] is not None, "and its payer still enters: grace begins that day")
    ms = seconds * 1_000
    back = f"{back_minor / 100:.2f} $ back to it"
    say(f"Disputed: refused {ms:.0f} ms after the block; won, card replaced, {back}; a debit returned and owed again")
    return [("dispute in the cloud → refused at the lane", f"{ms:.0f} ms")]


def _enter(gym: Gym, person: Person, method: str) -> tuple[str, str]:
    """The payer enters a card or account in the service's own fields; its name there, and the customer's."""
    account = f"/accounts/{gym.account_of(person)}"
    setup = gym.cloud.post(f"{account}/card-setups")["setup"]
    done = gym.payment_service.client.setup_intents.confirm(setup, {"payment_method": method})
    gym.cloud.post(f"{account}/payment-methods", {"setup": setup})
    return str(done.payment_method), str(done.customer)


def _owed_minor(gym: Gym, person: Person) -> int:
    live = (
        "SELECT coalesce(sum(amount_minor), 0) FROM payment_intent WHERE account_id = ? AND state IN ('open', 'parked')"
    )
    return gym.ledger.number(live, gym.account_of(person))


def _disputed(gym: Gym, person: Person, charge: str) -> float:
    """The bank takes the money in hand, we answer, and win; seconds from the block to the refusal at the lane."""
    gym.payment_service.act("dispute", charge=charge)
    held = "SELECT count(*) FROM block WHERE reason = 'chargeback' AND until_ms IS NULL"
    until("the account is held", lambda: gym.ledger.number(held) == 1, within_s=30, every_s=0.005)
    refused_s = until_answer(gym, 1, person, released=False)
    require(refused_s <= WITHIN_S, f"refused within a second of the block, not {refused_s:.2f} s")
    arrives(gym, kind="denied", reason="chargeback")
    [dispute] = gym.cloud.get("/disputes")
    answered = gym.cloud.post(f"/disputes/{dispute['id']}/answer", {"text": "winning_evidence"}, **_key())
    require(answered["state"] == "answered", f"the bank has our answer, not {answered}")
    gym.payment_service.turn_to(instant_ms(2027, 1, 20, 9))
    until("it is won", lambda: gym.ledger.number(held) == 0, within_s=30)
    until_answer(gym, 1, person, released=True)
    return refused_s


def _paid_back(gym: Gym, person: Person) -> int:
    """December costs less after all: a credit note, and the credit goes back to the card; how much."""
    subscription = gym.ledger.number("SELECT id FROM subscription WHERE account_id = ?", gym.account_of(person))
    less: dict[str, Any] = {"change": "discount", "code": "SORRY", "on": BILLED_ON.isoformat(), "share_percent": 50}
    gym.cloud.post(f"/subscriptions/{subscription}/changes", less)
    credit = "SELECT coalesce(sum(left_minor), 0) FROM open_credit WHERE account_id = ?"
    back_minor = gym.ledger.number(credit, gym.account_of(person))
    require(back_minor > 0, "half of December is the member's credit")
    gym.cloud.post(f"/accounts/{gym.account_of(person)}/refunds", {"reason": "December at half price"}, **_key())
    return back_minor


def _key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}
