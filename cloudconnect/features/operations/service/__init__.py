"""The verbs of the operations room."""

from cloudconnect.features.operations.service.service import OperationsService

__all__ = ["OperationsService"]
