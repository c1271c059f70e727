"""How far a run may leave its forecast, the runs that stopped themselves, and who let them go on."""

from sqlalchemy import JSON, Boolean, Column, Date, ForeignKey, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import Big, instant, key, metadata, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

forecast_policy = Table(
    "forecast_policy",
    metadata,
    key(),
    organisation_id(),
    Column("body", JSON, nullable=False),  # Bounds.to_body()
    UniqueConstraint("organisation_id"),
)

run_stop = Table(
    "run_stop",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id", index=True),
    Column("stopped_on", Date, nullable=False),  # the seller's business date
    instant("raised_at_ms"),  # business time
    Column("leavings", JSON, nullable=False),  # in which ways it left the forecast
    Column("figures", JSON, nullable=False),  # Figures of the batch that was not written
)

run_resumed = Table(
    "run_resumed",
    metadata,
    Column("stop_id", Big, ForeignKey("run_stop.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    instant("at_ms"),
    Column("by", Text, nullable=False),
    Column("reason", Text),
    Column("confirmed", Boolean, nullable=False),  # false: a later run was within its forecast by itself
    Column("resumed_on", Date, nullable=False),  # the confirmation holds for this day's runs
)

for _table in (run_stop, run_resumed):
    never_changes(_table)
