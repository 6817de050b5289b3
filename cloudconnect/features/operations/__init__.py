"""Long jobs that can be watched, paused, resumed and cancelled, and that outlive a restart."""

from cloudconnect.features.operations.models import Operation, State
from cloudconnect.features.operations.reactions import reactions
from cloudconnect.features.operations.service import OperationsService

__all__ = ["Operation", "OperationsService", "State", "reactions"]
