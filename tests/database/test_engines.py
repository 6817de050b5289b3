"""How the engines are opened."""

import apsw
import pytest

from cloudconnect.database import engines


@pytest.mark.parametrize("is_writer", [True, False], ids=["writer", "readers"])
def test_a_plan_of_sqlite_holds_for_whatever_is_bound(tmp_path, is_writer):
    engines.open_sqlite(tmp_path, is_writer=True).connect()
    engine = engines.open_sqlite(tmp_path, is_writer=is_writer)
    engine.connect()

    assert engine.connection().config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) == 1
    engine.close()
