"""Credentials over /api/v1: given, taken, replaced; PINs and codes shown once; technicians see kinds alone."""

import hashlib

import pytest
from portillon_cloud.identity.roles import Role
from portillon_rules.pin import is_weak
from portillon_wire.day_code import read_day_code, read_typed_day_code
from portillon_wire.qr_pass_issuer import DeviceKey

DAY_MS = 86_400_000


@pytest.fixture
def desk(client, gym):
    """The desk's own calls: method, path under /api/v1, body."""

    def call(method, path, body=None, role=Role.DESK, status=None):
        headers = {"authorization": f"Bearer {gym.keys[role]}"}
        answer = client.request(method, f"/api/v1/{path}", json=body, headers=headers)
        if status is not None:
            assert answer.status_code == status, answer.text
        return answer

    return call


def listed(desk, member_id):
    return desk("GET", f"members/{member_id}/credentials", status=200).json()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0f0027aaaa", "em4100"),
        ("wiegand:26.28607D1", "wiegand"),
        ("h10301:68-1000", "wiegand"),
        ("nfca:04DE5F1EACC040", "nfca"),
        ("nfcb:50C1D2A3", "nfcb"),
        ("felica:01120312AB4C5D6E", "felica"),
        ("barcode:M-000123", "barcode"),
        ("number:0067001000", "number"),
        ("ntag424:04DE5F1EACC040", "ntag424"),
        ("desfire:" + "0A" * 16, "desfire"),
        ("phone:" + "0A" * 16, "phone"),
        ("day_code:" + "0A" * 16, "day_code"),
    ],
)
def test_every_kind_but_pins_is_given_by_its_number(desk, gym, text, kind):
    """And listed with its last digits, by whom it was given, and whether it can be copied."""
    made = desk("POST", f"members/{gym.members[0]}/credentials", {"credential": text}, status=201).json()
    [one] = [one for one in listed(desk, gym.members[0]) if one["id"] == made["id"]]
    assert (one["kind"], one["state"], len(one["shown"])) == (kind, "active", 9)
    assert [(change["state"], change["by"]) for change in one["changes"]] == [("active", "desk key")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("h10301:67", "write h10301:facility-number"),
        ("h10301:x", "h10301:67-1000"),
        ("h10301:300-1", "h10301"),
        ("nfca:04", "nfca:04DE5F1EACC040"),
        ("67-1000", "em4100:0F0027A46B"),
        ("rfid:00", "known kinds"),
        ("pin:4917", "issue one"),
        ("card_and_pin:em4100:00+4917", "issue one"),
        ("PDAY1-2345", "type it as it is printed"),
    ],
)
def test_a_wrong_number_is_answered_with_what_to_write(desk, gym, text, says):
    """422 at the field; a PIN's digits are not said again."""
    answer = desk("POST", f"members/{gym.members[0]}/credentials", {"credential": text}, status=422).json()
    assert answer["errors"][0]["pointer"] == "/body/credential"
    assert says in answer["detail"]
    assert "4917" not in answer["detail"]


def test_the_life_of_a_card(desk, gym):
    """Blocked, unblocked, lost, replaced: each told by the live answer, and what is over stays over."""
    member_id = gym.members[4]
    [card] = listed(desk, member_id)
    path = f"credentials/{card['id']}"

    def says(state):
        desk("PUT", f"{path}/state", {"state": state}, status=204)
        return desk("GET", f"members/{member_id}/access").json()["reason"]

    assert says("blocked") == "credential_blocked"
    assert says("active") is None
    assert says("lost") == "credential_lost"
    desk("PUT", f"{path}/state", {"state": "active"}, status=409)
    desk("PUT", f"{path}/state", {"state": "replaced"}, status=422)
    made = desk("POST", f"{path}/replacement", {"credential": "h10301:67-1000"}, status=201).json()
    assert desk("GET", f"members/{member_id}/access").json()["reason"] is None
    assert [(one["id"], one["state"], one["replaced_by_id"]) for one in listed(desk, member_id)] == [
        (made["id"], "active", None),
        (card["id"], "lost", made["id"]),
    ]
    desk("POST", f"{path}/replacement", {"credential": "em4100:01"}, status=409)


def test_a_pin_is_shown_once(desk, gym):
    """Digits come with the answer that draws them, and never again; the list shows nothing of them."""
    member_id = gym.members[4]
    [card] = listed(desk, member_id)
    alone = desk("POST", f"members/{member_id}/pins", {}, status=201).json()
    both = desk("POST", f"members/{member_id}/pins", {"card_id": card["id"], "duress": True}, status=201).json()
    codes = [alone["digits"], both["digits"], both["duress_digits"]]
    assert (alone["duress_digits"], len(set(codes))) == (None, 3)
    assert not any(is_weak(code) for code in codes)
    found = listed(desk, member_id)
    assert [(one["kind"], one["shown"], one["duress"], one["card_id"]) for one in found] == [
        ("card_and_pin", None, True, card["id"]),
        ("card_and_pin", None, False, card["id"]),
        ("pin", None, False, None),
        ("em4100", card["shown"], False, None),
    ]
    desk("POST", f"members/{gym.members[0]}/pins", {"card_id": card["id"]}, status=422)
    desk("POST", f"members/{member_id}/pins", {"card_id": 999_999}, status=404)


def test_a_phone_is_its_public_key(desk, gym):
    """Registered by the key, found by its fingerprint; a key of another length or for anybody is refused."""
    public = DeviceKey.generate().public.hex()
    made = desk("POST", f"members/{gym.members[4]}/phones", {"public_key": public}, status=201).json()
    [phone] = [one for one in listed(desk, gym.members[4]) if one["id"] == made["id"]]
    fingerprint = hashlib.sha256(bytes.fromhex(public)).hexdigest()[:32].upper()
    assert (phone["kind"], phone["shown"][-4:], phone["copyable"]) == ("phone", fingerprint[-4:], False)
    same = {"credential": f"phone:{fingerprint}"}
    desk("POST", f"members/{gym.members[0]}/credentials", same, status=409)
    for bad in (public[2:], "xyz", "00" * 32):
        answer = desk("POST", f"members/{gym.members[4]}/phones", {"public_key": bad}, status=422).json()
        assert answer["errors"][0]["pointer"] == "/body/public_key"


def test_a_day_code_is_given_as_text(desk, gym):
    """The text of a QR code and the same to type; a visitor needs no membership, and no zone is made up."""
    now_ms = desk("GET", "clock", role=Role.OWNER).json()["business_ms"]
    until = {"valid_until_ms": now_ms + DAY_MS}
    made = desk("POST", f"members/{gym.members[11]}/day-codes", {**until, "zones": ["gym"]}, status=201).json()
    assert read_day_code(made["text"]) == read_typed_day_code(made["printed"].lower())
    answer = desk("GET", f"members/{gym.members[11]}/access").json()
    assert (answer["allowed"], answer["until_ms"]) == (True, now_ms + DAY_MS)
    for bad in ({**until, "zones": ["pool"]}, {"valid_until_ms": now_ms}, {**until, "zones": []}):
        desk("POST", f"members/{gym.members[11]}/day-codes", bad, status=422)


def test_a_technician_sees_the_kinds_of_a_site_and_nobody(desk, gym, other_gym):
    """Enough to choose readers by; no list of a member, and nothing to change."""
    desk("POST", f"members/{gym.members[4]}/pins", {}, status=201)
    kinds = desk("GET", f"sites/{gym.site_id}/credential-kinds", role=Role.TECHNICIAN, status=200).json()
    assert kinds == [
        {"kind": "em4100", "copyable": True, "active": 11},
        {"kind": "pin", "copyable": True, "active": 1},
    ]
    desk("GET", f"sites/{other_gym.site_id}/credential-kinds", role=Role.TECHNICIAN, status=404)
    for method, path, body in (
        ("GET", f"members/{gym.members[4]}/credentials", None),
        ("POST", f"members/{gym.members[4]}/pins", {}),
        ("PUT", "credentials/1/state", {"state": "lost"}),
        ("GET", "duress-alarms", None),
        ("POST", "duress-alarms/1/seen", None),
    ):
        desk(method, path, body, role=Role.TECHNICIAN, status=403)


def test_another_organisations_credentials_do_not_exist(desk, client, gym, other_gym):
    """Whatever is asked of them."""
    headers = {"authorization": f"Bearer {other_gym.keys[Role.OWNER]}"}
    [card] = listed(desk, gym.members[4])
    for method, path, body in (
        ("GET", f"members/{gym.members[4]}/credentials", None),
        ("POST", f"members/{gym.members[4]}/credentials", {"credential": "em4100:01"}),
        ("POST", f"members/{gym.members[4]}/pins", {}),
        ("POST", f"members/{gym.members[4]}/day-codes", {"valid_until_ms": 7_000_000_000_000, "zones": ["gym"]}),
        ("PUT", f"credentials/{card['id']}/state", {"state": "lost"}),
        ("POST", f"credentials/{card['id']}/replacement", {"credential": "em4100:01"}),
    ):
        answer = client.request(method, f"/api/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 404, (path, answer.text)


def test_a_silent_alarm_reaches_the_desk_and_no_badge(desk, gym):
    """Told under its own address, with who; marked seen by the first who says so; the badges know nothing."""
    gym.event("granted", at_ms=1_741_819_330_000, member=gym.members[4])
    gym.event("alarm", at_ms=1_741_819_330_000, member=gym.members[4], reason="duress")
    [alarm] = desk("GET", "duress-alarms", status=200).json()
    assert (alarm["who"], alarm["door"], alarm["seen_by"]) == ("Léa Bouchard", "lane-1", None)
    for role in (Role.DESK, Role.OWNER):
        desk("POST", f"duress-alarms/{alarm['id']}/seen", role=role, status=204)
    assert desk("GET", "duress-alarms").json()[0]["seen_by"] == "desk key"
    for role in Role:
        assert "duress" not in desk("GET", f"sites/{gym.site_id}/badges", role=role, status=200).text
