"""The process that holds a test run's servers: `python keeper.py FOLDER PID DATABASES`.

It says `ready` on its standard output. When the process PID has ended, in whatever way, or on SIGTERM, it stops the
servers and removes FOLDER.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import traceback
from pathlib import Path

from okr.db.migrate import upgrade
from okr_cli.postgres import OWNER_ROLE, PostgresServer
from okr_cli.valkey import ValkeyServer


def keep(folder: Path, owner_pid: int, valkey_databases: int) -> None:
    """Run the servers until the process `owner_pid` has ended or SIGTERM comes; then leave nothing behind."""
    wake, waker = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(waker, b"x"))
    owner = os.pidfd_open(owner_pid)
    with contextlib.ExitStack() as stack:
        sockets = folder / "run"
        postgres = PostgresServer(folder / "postgres", sockets=sockets, log=folder / "postgres.log", durable=False)
        valkey = ValkeyServer(folder / "valkey", sockets=sockets, log=folder / "valkey.log", databases=valkey_databases)
        for server in (valkey, postgres):
            stack.callback(server.stop)
            server.start()
        postgres.wait()
        valkey.wait()
        postgres.prepare()
        upgrade(postgres.url(OWNER_ROLE))
        os.write(1, b"ready\n")
        os.close(1)
        select.select([wake, owner], [], [])
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        keep(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    except Exception:
        traceback.print_exc()
        sys.exit(1)
