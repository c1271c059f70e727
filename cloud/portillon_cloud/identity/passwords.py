"""Passwords: argon2id through argon2-cffi, with parameters that the hash itself carries."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portillon_cloud.identity.errors import WeakPassword

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 1024  # longer ones cost hashing time and protect nobody better

# RFC 9106's second recommended choice (64 MiB, 3 passes, 4 lanes), which is also argon2-cffi's default;
# written out so that an upgrade of the library cannot change it unseen.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
_NOBODY = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The argon2id hash to store. Raises WeakPassword."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise WeakPassword(f"A password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters.")
    return _HASHER.hash(password)


def password_matches(password: str, stored_hash: str | None) -> bool:
    """Whether the password is the one hashed. With no stored hash it takes as long and says no."""
    if len(password) > PASSWORD_LENGTH_MAX:
        return False
    try:
        _HASHER.verify(stored_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored_hash is not None


def needs_rehash(stored_hash: str) -> bool:
    """Whether the hash was made with older parameters than today's."""
    return _HASHER.check_needs_rehash(stored_hash)
