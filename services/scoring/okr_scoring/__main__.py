"""`python -m okr_scoring`: the scoring worker."""

import gc
import logging
import sys

import asyncpg
import uvloop
from pydantic import ValidationError

from okr.db.migrate import SchemaTooOld
from okr.logs import configure
from okr.settings import settings
from okr_scoring.worker import run


def main() -> int:
    """Run until told to stop; an expected failure is one line on stderr and exit code 1."""
    try:
        configuration = settings()
        configure(level=configuration.log_level, format=configuration.log_format)
        logging.getLogger("arq").setLevel(
            logging.WARNING
        )  # two lines for each ring of the doorbell tell nobody anything
        # A batch makes tens of thousands of short-lived values and no cycles: looking for those each 700 values costs a tenth
        # of the worker's time.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        uvloop.run(run(configuration))
    except ValidationError as error:
        names = ", ".join("OKR_" + str(detail["loc"][0]).upper() for detail in error.errors())
        print(f"okr_scoring: set {names} (see README, Configuration)", file=sys.stderr)
        return 1
    except SchemaTooOld as error:
        print(f"okr_scoring: {error}", file=sys.stderr)
        return 1
    except (OSError, asyncpg.PostgresError) as error:
        print(f"okr_scoring: PostgreSQL cannot be used: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
