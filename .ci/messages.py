"""Brings the catalogues up to date with the texts in the code, and says what is left to translate.

`make messages` runs it; `make messages LANGUAGE=fr` begins another language. Catalogues are sorted and carry neither
places nor dates, so that a change of theirs shows a change of texts and nothing else.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from cloudconnect_cli.describing import find_descriptions
from cloudconnect_cli.program import whole

ROOT = Path(__file__).parents[1]
LOCALE = ROOT / "cloudconnect" / "locale"
SOURCES = ("cloudconnect", "web/cloudconnect_web", "cli/cloudconnect_cli")
KEYWORDS = DEFAULT_KEYWORDS | {"N_": None, "counted": (1, 2)}


def extract() -> Catalog:
    """Return a catalogue of every text in the code."""
    with (ROOT / ".ci" / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    template = Catalog()
    for source in SOURCES:
        for _, _, message, comments, context in extract_from_dir(
            ROOT / source, methods, options, KEYWORDS, ("Translators:",), strip_comment_tags=True
        ):
            template.add(message, auto_comments=comments, context=context)
    # The description of a command is a docstring, which no extractor tells from others.
    for description in find_descriptions(whole()):
        template.add(description)
    return template


def update(path: Path, language: str, template: Catalog) -> list[str]:
    """Write the catalogue of *language* anew, keeping its translations; return what has none yet."""
    known = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale=language)
    fresh = Catalog(locale=language)
    untranslated = []
    for message in (each for each in template if each.id):
        earlier = known.get(message.id, message.context)
        text = earlier.string if earlier is not None else ""
        if not text or (isinstance(text, tuple | list) and not all(text)):
            untranslated.append(str(message.id))
        fresh.add(message.id, text, auto_comments=message.auto_comments, context=message.context)
    body = io.BytesIO()
    write_po(body, fresh, omit_header=True, width=120, sort_output=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_header(fresh) + body.getvalue().decode(), encoding="utf-8")
    return untranslated


def _header(catalogue: Catalog) -> str:
    fields = (
        f"Language: {catalogue.locale_identifier}",
        f"Plural-Forms: {catalogue.plural_forms}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )
    return "\n".join(('msgid ""', 'msgstr ""', *(f'"{field}\\n"' for field in fields), "", ""))


def main() -> None:
    """Update every catalogue, and the new ones that the command line names."""
    template = extract()
    languages = {path.name for path in LOCALE.iterdir() if path.is_dir()} | set(sys.argv[1:])
    for language in sorted(languages):
        left = update(LOCALE / language / "LC_MESSAGES" / "cloudconnect.po", language, template)
        sys.stdout.write(f"{language}: {len(left)} of {len(template)} texts wait for a translation\n")
        sys.stdout.writelines(f"  {text!r}\n" for text in left)


if __name__ == "__main__":
    main()
