from hypothesis import given
from hypothesis import strategies as st
from portillon_wire.digest import BUCKETS, Digest, DigestBuilder, bucket_of

Row = tuple[str, str, bytes]
rows = st.lists(
    st.tuples(st.sampled_from(["entitlement", "policy"]), st.text("abc", min_size=1), st.binary(max_size=8)),
    unique=True,
)


def digest_of(content: list[Row]) -> Digest:
    digest = Digest.empty()
    for row in content:
        digest.add(*row)
    return digest


@given(rows, st.randoms(use_true_random=False))
def test_order_and_history_do_not_matter(content: list[Row], random: object) -> None:
    """Equal sets of rows have equal roots, in whatever order they came and whatever was there before."""
    shuffled = list(content)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    detour = digest_of([*shuffled, ("policy", "gone", b"x")])
    detour.remove("policy", "gone", b"x")
    assert detour.root() == digest_of(content).root()
    assert Digest.from_bytes(detour.to_bytes()).root() == detour.root()


@given(rows, st.integers(0, 5))
def test_counted_in_bulk_it_is_the_same_digest(content: list[Row], first: int) -> None:
    """In whatever portions the rows come, the builder's digest equals that of rows added one by one."""
    spelled = [(kind.encode(), key.encode(), body) for kind, key, body in content]
    builder = DigestBuilder()
    builder.add_many(spelled[:first])
    builder.add_many(iter(spelled[first:]))
    assert builder.digest().to_bytes() == digest_of(content).to_bytes()


def test_sums_counted_in_bulk_wrap_around() -> None:
    """A bucket that passes 2**128 many times over is the same as one that wrapped at each step."""
    row = ("policy", "é", b"{}")
    builder = DigestBuilder()
    builder.add_many([(b"policy", "é".encode(), b"{}")] * 1_000)
    assert builder.digest().to_bytes() == digest_of([row] * 1_000).to_bytes()


@given(rows.filter(bool))
def test_one_changed_byte_changes_the_root(content: list[Row]) -> None:
    """A row with another body is another table, and only its own bucket differs."""
    kind, key, body = content[0]
    changed = digest_of([(kind, key, body + b"!"), *content[1:]])
    whole = digest_of(content)
    assert changed.root() != whole.root()
    assert {n for n in range(BUCKETS) if changed.bucket(n) != whole.bucket(n)} == {bucket_of(kind, key)}


def test_the_same_row_twice_does_not_cancel_out() -> None:
    """Addition, not XOR: a row counted twice by mistake is seen."""
    row = ("policy", "site", b"{}")
    assert digest_of([row, row]).root() != Digest.empty().root()


def test_the_empty_digest_is_a_known_value() -> None:
    """The root of no rows never changes: both sides start from it."""
    assert Digest.empty().root() == "505760d9b83cfa1d9328c603b6458cc8"
