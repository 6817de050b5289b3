"""The log: units of work, durable bookmarks, and those who react to facts."""

from cloudconnect.bus.dispatcher import Dispatcher, Listener
from cloudconnect.bus.jobs import Job, Jobs
from cloudconnect.bus.log import EventLog
from cloudconnect.bus.unit import Recorded, StoredFact, Unit

__all__ = ["Dispatcher", "EventLog", "Job", "Jobs", "Listener", "Recorded", "StoredFact", "Unit"]
