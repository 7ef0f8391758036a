"""The compose file, the Dockerfile and the ignore file as tests read them: what they say, without an engine to say it to."""

import re
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}

Instruction = tuple[str, str]
"""(word, everything after it), as in ("USER", "10001:10001")."""


def stages() -> list[list[Instruction]]:
    """The Dockerfile's instructions, stage by stage; each stage begins with its FROM, and ARGs before the first are left out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    found: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if word and found:
            found[-1].append((word, rest.strip()))
    return found


def copied_from_context() -> list[str]:
    """The files and folders that the image is built from."""
    return [
        path
        for stage in stages()
        for word, rest in stage
        if word == "COPY" and not rest.startswith("--from=")
        for path in rest.split()[:-1]
    ]


def is_in_context(path: str) -> bool:
    """Whether a builder is handed this file: the last pattern that fits it, or a folder above it, decides."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    is_in = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        anywhere = line.removeprefix("!").startswith("**/")
        names = [one.rpartition("/")[2] for one in above] if anywhere else above
        if line and any(name.count("/") == pattern.count("/") and fnmatch(name, pattern) for name in names):
            is_in = line.startswith("!")
    return is_in


def variables_of(stage: list[Instruction]) -> dict[str, str]:
    """What a stage's ENV lines say, as written."""
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(rest for word, rest in stage if word == "ENV")))


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """A value of the compose file with `${NAME}`, `${NAME:-default}` and `${NAME:?complaint}` filled in from `given`."""

    def fill(found: re.Match[str]) -> str:
        name, operator, word = found.groups()
        if given.get(name):
            return given[name]
        assert operator == ":-", f"{name}: {word}"
        return str(word)

    return re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", fill, text)


def environment_of(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """The variables that the compose file gives a service, when `given` is what its reader has in .env."""
    return {
        name: interpolated(str(value), given) for name, value in COMPOSE["services"][service]["environment"].items()
    }
