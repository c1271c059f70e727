"""Everything that shall happen later is a row with a due instant in business time, claimed, fenced, done once."""

from portillon_cloud.timers.operations import cancel, claim, conclude, fail, finish, hold, schedule, schedule_many
from portillon_cloud.timers.timer import Handler, NewTimer, Timer, Work

__all__ = [
    "Handler",
    "NewTimer",
    "Timer",
    "Work",
    "cancel",
    "claim",
    "conclude",
    "fail",
    "finish",
    "hold",
    "schedule",
    "schedule_many",
]
