"""Running PostgreSQL, which refuses to run as root, when we are root.

No system user is made, and no permission changes outside the data folder.
"""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path

from okr_cli.errors import CommandFailed

# What `nobody` is called by number on practically every Linux, should the name be missing.
_NOBODY = 65534


def plain_user_prefix(data: Path, program: Path) -> list[str]:
    """The words to put before `program` so that it runs as somebody else than root, with `data` as its own folder.

    First choice is a user namespace: inside it the process is not root, outside it its files stay root's, so that
    nothing changes owner. Where namespaces are refused, as in many containers, it runs as the folder's owner
    or as `nobody`; that user may then pass through closed folders on the way to the data, and owns the data.
    Answers an empty list for those who are not root. Raises CommandFailed when neither way is open.
    """
    if os.geteuid() != 0:
        return []
    owner = data.stat().st_uid if data.exists() else 0
    namespace = _namespace_prefix()
    if owner == 0 and _works(namespace, data.parent, program):
        return namespace
    uid = owner or _nobody().pw_uid
    prefix = _user_prefix(uid)
    if not _works(prefix, data.parent, program):
        raise CommandFailed(
            "PostgreSQL does not run as root, and this machine lets root neither make a user namespace nor become "
            "another user: run this as a plain user"
        )
    if owner == 0 and data.exists():
        _give(data, uid)
    return prefix


def _nobody() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody")
    # initdb looks its user up by number and gives up on one without a name: any named plain user will do.
    for user in pwd.getpwall():
        if user.pw_uid != 0:
            return user
    return pwd.getpwuid(_NOBODY)


def _namespace_prefix() -> list[str]:
    user = _nobody()
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"]


def _user_prefix(uid: int) -> list[str]:
    gid = _nobody().pw_gid
    with contextlib.suppress(KeyError):
        gid = pwd.getpwuid(uid).pw_gid
    return [
        "setpriv",
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        # Becoming another user forgets the signal that the kernel sends when our parent dies: ask for it again.
        "--pdeathsig=INT",
    ]


def _works(prefix: Sequence[str], folder: Path, program: Path) -> bool:
    check = 'test -w "$1" && exec "$2" --version'
    try:
        done = subprocess.run(
            [*prefix, "sh", "-c", check, "sh", str(folder), str(program)], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _give(folder: Path, uid: int) -> None:
    os.chown(folder, uid, -1)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), uid, -1, follow_symlinks=False)
