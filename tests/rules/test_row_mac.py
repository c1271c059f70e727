from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.credential import SiteKey
from portillon_rules.row_mac import MAC_BYTES, row_mac, row_mac_key

SECRET = row_mac_key(SiteKey("k1", bytes(range(32))))


@given(body=st.binary(min_size=1, max_size=64), position=st.integers(0, 63), bit=st.integers(0, 7))
def test_a_flipped_bit_changes_the_mac(body: bytes, position: int, bit: int) -> None:
    """Bit rot in a stored row is seen."""
    damaged = bytearray(body)
    damaged[position % len(body)] ^= 1 << bit
    mac = row_mac("entitlement", "k1.00", body, SECRET)
    assert len(mac) == MAC_BYTES
    assert row_mac("entitlement", "k1.00", bytes(damaged), SECRET) != mac


def test_a_body_cannot_be_moved_to_another_member() -> None:
    """The MAC covers kind and key: copying a good row over a bad one is damage."""
    mac = row_mac("entitlement", "k1.00", b"{}", SECRET)
    assert row_mac("entitlement", "k1.01", b"{}", SECRET) != mac
    assert row_mac("policy", "k1.00", b"{}", SECRET) != mac


def test_the_mac_key_is_not_the_credential_key() -> None:
    """Who sees one key has not the other."""
    key = SiteKey("k1", bytes(range(32)))
    assert row_mac_key(key) != key.secret and len(row_mac_key(key)) == 32
