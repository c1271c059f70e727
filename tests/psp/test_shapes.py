"""Every object has the fields of Stripe's published fixtures, and values of their kind."""

import json
from pathlib import Path
from typing import Any

import pytest
from psp.conftest import Service

FIXTURES = json.loads((Path(__file__).parent / "stripe_fixtures.json").read_text())["resources"]
ONLY_OLD = {"charge": {"refunds"}}  # left out by the API since 2022-11-15 unless it is asked for


@pytest.fixture
def objects(service: Service) -> dict[str, Any]:
    customer, card = service.card("pm_card_createDispute")
    client = service.client
    account = client.payment_methods.create({"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}})
    client.setup_intents.create({"customer": customer, "payment_method": account.id, "confirm": True,
                                 "payment_method_types": ["sepa_debit"]})  # fmt: skip
    client.webhook_endpoints.create({"url": "http://127.0.0.1:9/none", "enabled_events": ["customer.created"]})
    intent = service.charge(customer, card)
    client.refunds.create({"payment_intent": service.charge(*service.card()).id})
    service.charge(*service.card(), amount=50_000)
    service.wait(21)
    found = {
        "customer": client.customers.retrieve(customer),
        "payment_method": client.payment_methods.retrieve(card),
        "payment_intent": client.payment_intents.retrieve(intent.id),
        "charge": client.charges.retrieve(intent.latest_charge),
        "refund": client.refunds.list().data[0],
        "dispute": client.disputes.list().data[0],
        "balance_transaction": client.balance_transactions.list().data[0],
        "payout": client.payouts.list().data[0],
        "event": client.events.list().data[0],
    }
    return {name: json.loads(str(one)) for name, one in found.items()}


def test_they_have_the_fields_of_the_published_ones(objects: dict[str, Any]) -> None:
    """No field is missing that a client may read, none is invented, and none is of another kind."""
    for name, one in objects.items():
        expected = FIXTURES[name]
        missing = set(expected) - set(one) - ONLY_OLD.get(name, set())
        assert not missing, f"{name} lacks {missing}"
        assert set(one) <= set(expected), f"{name} invents {set(one) - set(expected)}"
        for field, value in one.items():
            known = expected.get(field)
            if value is not None and known is not None:
                assert type(value) is type(known), f"{name}.{field} is {value!r}, the fixture has {known!r}"
