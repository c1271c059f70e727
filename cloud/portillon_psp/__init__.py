"""A payment service that moves no money: a server of its own, with the part of Stripe's API that Portillon uses.

It keeps its books through a crash, runs on a clock that the test moves, and lies as real ones do when it is told to:
late, lost, repeated and reordered webhooks, outages, lost answers. It knows declines of every class, debits that
come back, disputes, refunds that fail, mandates that die, and payouts. Written from Stripe's public documentation and
checked against its published fixtures and its official client; never run beside the real service.
"""
