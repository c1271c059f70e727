"""Roles and what they may do."""

from portillon_cloud.identity.roles import PERMISSIONS, Permission, Role


def test_an_owner_may_do_everything():
    """There is nothing an owner must ask somebody else for."""
    assert PERMISSIONS[Role.OWNER] == frozenset(Permission)


def test_a_technician_sees_no_money_and_no_members():
    """Whoever mounts readers learns neither who trains here nor what they owe."""
    kept_from = {
        Permission.SEE_MONEY,
        Permission.SEE_REPORTS,
        Permission.KEEP_BOOKS,
        Permission.TAKE_PAYMENT,
        Permission.SEE_MEMBERS,
        Permission.CHANGE_MEMBERS,
        Permission.TURN_CLOCK,
        Permission.MANAGE_STAFF,
    }
    assert not kept_from & PERMISSIONS[Role.TECHNICIAN]


def test_the_desk_neither_turns_the_clock_nor_hires():
    """The desk takes payments; the clock, the staff, the books and what the business earns are the owner's."""
    kept_from = {Permission.TURN_CLOCK, Permission.MANAGE_STAFF, Permission.SEE_REPORTS, Permission.KEEP_BOOKS}
    assert not kept_from & PERMISSIONS[Role.DESK]
