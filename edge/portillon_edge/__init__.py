"""The gateway: decides who may pass, drives the doors, keeps the journal."""
