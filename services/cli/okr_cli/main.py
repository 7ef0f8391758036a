"""Where the `okr` command begins."""

import importlib
import signal
import sys


def main() -> None:
    """Run the command line and end the process."""
    # Importing takes half a second, and Ctrl-C in that time is not worth a traceback: it ends the process as it is.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(importlib.import_module("okr_cli.commands").run(sys.argv[1:]))
