"""What is left of a destroyed space outside its own tables: words in operations, in answers, and in files."""

from cloudconnect.bus import EventLog
from cloudconnect.features.gateway import GatewayService
from cloudconnect.features.operations import OperationsService
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.sql import Sql
from cloudconnect.storage.catalog import Catalogs


class Remnants:
    """Removes it (``ports.remnants.Remnants``)."""

    def __init__(
        self, log: EventLog, operations: OperationsService, gateway: GatewayService, catalogs: Catalogs
    ) -> None:
        self._log = log
        self._operations = operations
        self._gateway = gateway
        self._catalogs = catalogs

    def forget_words(self, sql: Sql, space: SpaceId) -> None:
        """Forget what operations and answers to those who worked in *space* say, before its facts are emptied."""
        self._operations.forget_words(sql, space)
        self._gateway.forget_answers(sql, self._log.find_actors(sql, space))

    def write_anew(self) -> None:
        """Give earlier catalogs up for a new one, and leave nothing deleted in the files of the database."""
        self._catalogs.renew()
        self._log.write_anew_now()
