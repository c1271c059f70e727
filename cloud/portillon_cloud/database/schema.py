"""The one metadata object every feature's tables.py hangs its tables on, and the column shapes they share."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, MetaData

# Fixed names: a migration can only alter a constraint it can name, and both engines must agree on the name.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# 64-bit ids and amounts; SQLite only makes row ids of a column declared exactly INTEGER (which holds 64 bits there).
Big = BigInteger().with_variant(Integer, "sqlite")


def key() -> Column[int]:
    """The integer primary key `id`."""
    return Column("id", Big, primary_key=True, autoincrement=True)


def organisation_id() -> Column[int]:
    """The tenant a row belongs to."""
    return Column("organisation_id", Big, ForeignKey("organisation.id"), nullable=False)


def reference(name: str, target: str, *, nullable: bool = False, index: bool = False) -> Column[int]:
    """A foreign key column `name` to `target` ("table.column")."""
    return Column(name, Big, ForeignKey(target), nullable=nullable, index=index)


def instant(name: str, *, nullable: bool = False) -> Column[int]:
    """Milliseconds since the Unix epoch; `name` ends in _ms."""
    return Column(name, Big, nullable=nullable)


def amount(name: str, *, nullable: bool = False) -> Column[int]:
    """Money in minor units (cents); `name` ends in _minor."""
    return Column(name, Big, nullable=nullable)


def one_of(column: str, values: type[StrEnum] | Iterable[str], *, nullable: bool = False) -> CheckConstraint:
    """A check that `column` holds one of `values`."""
    quoted = ", ".join(f"'{value}'" for value in values)
    rule = f"{column} IN ({quoted})"
    return CheckConstraint(f"{column} IS NULL OR {rule}" if nullable else rule, name=f"{column}_known")
