"""The appliance's own health."""

from cloudconnect.features.monitoring.models import Report
from cloudconnect.features.monitoring.service import MonitoringService

__all__ = ["MonitoringService", "Report"]
