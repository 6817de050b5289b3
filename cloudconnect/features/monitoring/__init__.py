"""The appliance's own health."""

from cloudconnect.features.monitoring.models import Report
from cloudconnect.features.monitoring.service import MonitoringService, ParkedFacts

__all__ = ["MonitoringService", "ParkedFacts", "Report"]
