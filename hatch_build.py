"""Build hook: what the wheel holds besides Python sources – browser assets and compiled translations."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface[Any]):
    """Builds both into the tree; an editable install leaves that to ``make``, which knows what is out of date."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the files are gathered; *build_data* needs no change, `artifacts` names what is made here."""
        del build_data
        if version == "editable":
            return
        root = Path(self.root)
        _compile_catalogues(root / "cloudconnect" / "locale")
        _build_assets(root / "web")


def _compile_catalogues(folder: Path) -> None:
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name)
        with source.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)


def _build_assets(web: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        if (web / "cloudconnect_web" / "static" / "manifest.json").exists():
            return  # a source archive brings them built
        raise RuntimeError("building CloudConnect from its sources needs Node 20 with npm; its wheel does not")
    if not (web / "node_modules").exists():
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=web, check=True)  # noqa: S603 - fixed words
    subprocess.run([node, "build.mjs"], cwd=web, check=True)  # noqa: S603 - fixed words
