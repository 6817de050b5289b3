"""Put pip into a virtual environment whose Python cannot: Debian keeps `ensurepip` in a package of its own.

Run by the environment's interpreter. The wheel comes from PyPI and must have the hash that stands here.
"""

import hashlib
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

INDEX = "https://pypi.org/simple/pip/"
WHEEL = "pip-26.3-py3-none-any.whl"
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"


def fetch(address: str) -> bytes:
    """Return what lies at *address*; the hash vouches for it, so a machine without CA certificates may ask too."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and not any(Path(paths.capath or "/nonexistent").glob("*.0")):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(address, timeout=120, context=context) as answer:  # noqa: S310 - https only, above
        content: bytes = answer.read()
    return content


def main() -> None:
    """Fetch the wheel, check it and let it install itself."""
    found = re.search(rf"""["']([^"'#]*{re.escape(WHEEL)})""", fetch(INDEX).decode())
    if found is None:
        sys.exit(f"{INDEX} does not offer {WHEEL}")
    wheel = fetch(urllib.parse.urljoin(INDEX, found[1]))
    if hashlib.sha256(wheel).hexdigest() != SHA256:
        sys.exit(f"{WHEEL} is not the file it should be")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, WHEEL)
        path.write_bytes(wheel)
        command = [sys.executable, f"{path}/pip", "install", "--quiet", "--no-index", str(path)]
        subprocess.run(command, check=True)  # noqa: S603 - our own interpreter and the checked wheel


main()
