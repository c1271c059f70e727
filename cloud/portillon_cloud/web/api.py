"""/api/v1: every feature's routes, behind API keys, answering errors as problem details."""

from fastapi import APIRouter

from portillon_cloud.access import api as access
from portillon_cloud.access import rules_api as rules
from portillon_cloud.accounting import api as accounting
from portillon_cloud.accounting import exports_api as exports
from portillon_cloud.alarms import api as alarms
from portillon_cloud.attendance import api as attendance
from portillon_cloud.audit import api as audit
from portillon_cloud.billing import api as billing
from portillon_cloud.billing import coupons_api as coupons
from portillon_cloud.billing import law_api as law
from portillon_cloud.billing import plans_api as plans
from portillon_cloud.billing import referrals_api as referrals
from portillon_cloud.billing import sales_api as sales
from portillon_cloud.billing import sign_up_api as sign_up
from portillon_cloud.billing import signing_api as signing
from portillon_cloud.billing import subscription_api as subscriptions
from portillon_cloud.billing import transfer_api as transfers
from portillon_cloud.billing.forecast import api as forecast
from portillon_cloud.desk import api as desk
from portillon_cloud.documents import api as documents
from portillon_cloud.doors import api as doors
from portillon_cloud.dunning import api as dunning
from portillon_cloud.dunning import course_api as courses
from portillon_cloud.gateways import api as gateways
from portillon_cloud.hours import api as hours
from portillon_cloud.http.problem import PROBLEM_RESPONSES
from portillon_cloud.members import api as members
from portillon_cloud.members import credentials_api as credentials
from portillon_cloud.members import profile_api as profiles
from portillon_cloud.payments import api as payments
from portillon_cloud.payments import cards_api as cards
from portillon_cloud.payments import provider_api as providers
from portillon_cloud.payments.disputes import api as disputes
from portillon_cloud.payments.fraud import api as fraud
from portillon_cloud.payments.inbox import api as provider_events
from portillon_cloud.payments.questions import api as questions
from portillon_cloud.payments.refunding import api as payouts
from portillon_cloud.payments.sepa import api as debits
from portillon_cloud.presence import api as presence
from portillon_cloud.reconciliation import api as reconciliation
from portillon_cloud.reports import api as reports
from portillon_cloud.visits import api as visits
from portillon_cloud.web import clock_api
from portillon_cloud.webhooks import api as webhooks
from portillon_cloud.zones import api as zones

PREFIX = "/api/v1"


def api_router() -> APIRouter:
    """One router with all of /api/v1."""
    router = APIRouter(prefix=PREFIX, responses=PROBLEM_RESPONSES)
    features = (
        members, profiles, credentials, billing, sign_up, signing, coupons, referrals, sales, subscriptions, payments,
        providers, cards,
        dunning, courses, access, rules, gateways, doors, forecast, law,
        attendance, alarms, visits, hours, zones, plans, presence, clock_api, reports, accounting, exports, audit,
        documents, transfers, webhooks, fraud, desk, disputes, provider_events, payouts, questions,
        debits, reconciliation,
    )  # fmt: skip
    for feature in features:
        router.include_router(feature.router)
    return router
