"""The command line: ``cloudconnect NOUN VERB``.

Nothing is imported here before the collector of garbage is off: what a start makes stays, and looking through it for
garbage took a tenth to a fifth of the start.
"""

import gc
import sys


def main() -> None:
    """Run the command line; the entry point of the package."""
    gc.disable()
    from cloudconnect_cli.commands.running import COMPLETION, environment, guard  # noqa: PLC0415 - see above
    from cloudconnect_cli.program import asked_for, whole  # noqa: PLC0415 - see above

    is_completing = COMPLETION in environment()
    if is_completing:
        from typer._completion_classes import completion_init  # noqa: PLC0415 - only a shell asks; no public door

        completion_init()
    app = whole() if is_completing else asked_for(sys.argv[1:])
    gc.freeze()
    gc.enable()
    guard(lambda: app(standalone_mode=False))
