"""Roles, and what each may do. The one place that says so."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    OWNER = "owner"
    DESK = "desk"
    TECHNICIAN = "technician"


class Permission(StrEnum):
    SEE_SITE = "see_site"  # lanes, badges, gateways, attendance: no money
    SEE_MEMBERS = "see_members"
    CHANGE_MEMBERS = "change_members"
    SEE_MONEY = "see_money"  # invoices, payments, who owes what
    SEE_REPORTS = "see_reports"  # what the business earns as a whole
    KEEP_BOOKS = "keep_books"  # close months, write off, pay credit back, enter by hand, audit
    TAKE_PAYMENT = "take_payment"
    MANAGE_GATEWAYS = "manage_gateways"
    ACKNOWLEDGE_ALARMS = "acknowledge_alarms"
    ORDER_DOORS = "order_doors"  # open once, hold free, block, lock down, back to plan
    PLAN_DOORS = "plan_doors"  # at which hours doors stand unlocked
    SET_RULES = "set_rules"  # what holds in zones, and what a site does when it knows too little
    FORGIVE = "forgive"  # where a member was no longer counts
    RESET_FIRE = "reset_fire"  # the fire is over: doors lock again
    TURN_CLOCK = "turn_clock"  # the business clock of a test organisation
    MANAGE_STAFF = "manage_staff"
    CONNECT_PROGRAMS = "connect_programs"  # what other people's programs are told of


PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.OWNER: frozenset(Permission),
        Role.DESK: frozenset(
            {
                Permission.SEE_SITE,
                Permission.SEE_MEMBERS,
                Permission.CHANGE_MEMBERS,
                Permission.SEE_MONEY,
                Permission.TAKE_PAYMENT,
                Permission.ACKNOWLEDGE_ALARMS,
                Permission.ORDER_DOORS,
                Permission.FORGIVE,
            }
        ),
        Role.TECHNICIAN: frozenset(
            {Permission.SEE_SITE, Permission.MANAGE_GATEWAYS, Permission.ACKNOWLEDGE_ALARMS, Permission.PLAN_DOORS}
        ),
    }
)
