"""The data folder of `okr up`: who may use it, what lies where, and files that only their owner may read."""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from okr_cli.errors import CommandFailed

# A unix socket's path has 107 bytes at most, and PostgreSQL's socket is the longer of the two.
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432")
# Paths of other letters would need escaping in addresses, which not every client library undoes.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
_TEMPORARY_PREFIX = "okr-"


class DataFolder:
    """Where one `okr up` keeps everything it has. Use it inside `opened()`, which keeps others out."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.postgres = self.root / "postgres"
        self.valkey = self.root / "valkey"
        self.logs = self.root / "logs"
        self._lock = self.root / "lock"
        self._sockets = self.root / "run"
        self._secret = self.root / "secret"
        self._api_key = self.root / "api_key"
        self._up = self.root / "up.json"
        self._demo = self.root / "demo"

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder if needed and hold it alone. Raises CommandFailed when that cannot be."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            strange = not self._lock.exists() and any(self.root.iterdir())
        except (FileExistsError, NotADirectoryError) as error:
            raise CommandFailed(f"{self.root} is not a folder") from error
        if strange:
            raise CommandFailed(f"{self.root} holds other files: name an empty or new folder with --data")
        with self._lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                raise CommandFailed(f"okr up already runs on {self.root} (process {lock.read().strip()})") from error
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            self.logs.mkdir(mode=0o700, exist_ok=True)
            self.forget_up()
            yield

    @contextlib.contextmanager
    def sockets(self) -> Iterator[Path]:
        """The folder for the servers' sockets, closed to everybody else.

        It lies in the data folder where its path is short and plain enough for a socket's address; else under the
        temporary folder, and `run` points there, so that a later start removes what a killed one left.
        """
        self._remove_sockets()
        try:
            if _fits(self._sockets):
                self._sockets.mkdir(mode=0o700)
                yield self._sockets
            else:
                folder = _short_folder()
                self._sockets.symlink_to(folder)
                yield folder
        finally:
            self._remove_sockets()

    def secret(self) -> str:
        """The secret that signs cursors and keys the API keys' HMAC; made at the first start."""
        with contextlib.suppress(FileNotFoundError):
            return self._secret.read_text().strip()
        secret = secrets.token_urlsafe(48)
        write_private(self._secret, secret + "\n")
        return secret

    def api_key(self) -> str | None:
        """The key that the last start used, if there was one."""
        with contextlib.suppress(FileNotFoundError):
            return self._api_key.read_text().strip()
        return None

    def keep_api_key(self, key: str) -> None:
        """Remember the key, so that the next start has the same."""
        write_private(self._api_key, key + "\n")

    def has_demo(self, organization_id: str) -> bool:
        """An earlier start has loaded the demo company to its end, as this organization."""
        with contextlib.suppress(FileNotFoundError):
            return self._demo.read_text().strip() == organization_id
        return False

    def note_demo(self, organization_id: str) -> None:
        """Remember that for the next start."""
        write_private(self._demo, organization_id + "\n")

    def announce_up(self, facts: Mapping[str, str]) -> None:
        """Tell other programs that everything runs, and where."""
        write_private(self._up, json.dumps(facts, indent=2) + "\n")

    def forget_up(self) -> None:
        """Take the announcement back."""
        self._up.unlink(missing_ok=True)

    def _remove_sockets(self) -> None:
        if not self._sockets.is_symlink():
            if self._sockets.exists():
                shutil.rmtree(self._sockets)
            return
        target = Path(os.readlink(self._sockets))
        with contextlib.suppress(FileNotFoundError):
            is_ours = target.name.startswith(_TEMPORARY_PREFIX) and target.lstat().st_uid == os.geteuid()
            if is_ours and not target.is_symlink():
                shutil.rmtree(target)
        self._sockets.unlink()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all at once: a reader sees the old text or the new."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER and _PLAIN_PATH.fullmatch(str(folder)) is not None


def _short_folder() -> Path:
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if _fits(Path(parent, _TEMPORARY_PREFIX + "x" * 8)) and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=parent))
    raise CommandFailed("no folder has a path short and plain enough for a unix socket: set TMPDIR to one that has")
