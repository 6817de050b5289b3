"""Which of several copies of one appliance this is: an original and what was restored from its backups share keys."""

import secrets
import threading
from pathlib import Path
from typing import Final

from cloudconnect.storage.disk import write_file

_FILE: Final = "installation"
_MAKING: Final = threading.Lock()


def installation_of(home: Path) -> str:
    """Return the id of the installation in the data directory *home*, made the first time it is asked for.

    No backup holds it, so a restore makes another one. To be called while the data directory is locked.
    """
    path = home / _FILE
    with _MAKING:
        held = path.read_text().strip() if path.exists() else ""
        if not held:
            held = secrets.token_hex(16)
            write_file(path, held.encode())
    return held
