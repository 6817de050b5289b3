"""The verbs of the monitoring room."""

from cloudconnect.features.monitoring.service.parked import ParkedFacts
from cloudconnect.features.monitoring.service.service import MonitoringService

__all__ = ["MonitoringService", "ParkedFacts"]
