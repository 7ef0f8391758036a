"""`python -m okr_api` as a process of its own, on a free port."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE_SECONDS = 30


def plain(environment: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings of the service, and these instead."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("OKR_")}
    return {**own, **environment}


@asynccontextmanager
async def running(environment: Mapping[str, str], log: Path) -> AsyncIterator[tuple["asyncio.subprocess.Process", str]]:
    """A server on a free port, and its address."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "okr_api", env=plain({**environment, "OKR_PORT": "0"}), stdout=output, stderr=output
    )
    os.close(output)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (address := _address_in(log)) is None:
                assert process.returncode is None, "it ended instead of serving"
                await asyncio.sleep(0.02)
        yield process, address
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _address_in(log: Path) -> str | None:
    for line in log.read_text().splitlines():
        words = json.loads(line)["event"].split()
        if "running" in words:
            return next(word for word in words if word.startswith("http://"))
    return None
