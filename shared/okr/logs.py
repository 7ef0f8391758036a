"""Logs: an event, then facts, one JSON object a line; for eyes, `OKR_LOG_FORMAT=console`.

Whatever other libraries say through the standard library's logging comes out in the same form.
"""

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


# Without local variables: among them are credentials.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)
)


def _dumps(event: dict[str, Any], default: Any) -> str:
    return orjson.dumps(event, default=default).decode()


def renderers(format: str) -> list[Processor]:
    """The last processors: from an event with its facts to a line of text, `json` or `console`."""
    if format == "json":
        return [_TRACEBACKS, structlog.processors.JSONRenderer(serializer=_dumps)]
    plain = structlog.dev.RichTracebackFormatter(show_locals=False)
    return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=plain)]


def configure(*, level: str, format: str) -> None:
    """Send all logs of this process to its standard output; `format` is json or console. Call it once, first of all."""
    number, last = logging.getLevelNamesMapping()[level.upper()], renderers(format)
    structlog.configure(
        processors=[*_SHARED, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
