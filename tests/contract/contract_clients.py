"""Clients made from the committed OpenAPI document, as a user would make them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from contract_document import OPENAPI, ROOT
from contract_node import HERE, NodeTools

WATCH = ROOT / "docs" / "examples" / "watch.ts"


def make_python_client(folder: Path) -> None:
    """The package `okr_client` in the folder. A warning of the generator fails it: it leaves out what it warns of."""
    configuration = folder / "generator.yaml"
    configuration.write_text(
        "package_name_override: okr_client\nproject_name_override: okr-client\n"
        # It knows no YAML by itself, which a ruleset may be sent as.
        "content_type_overrides: {application/yaml: application/octet-stream}\n"
    )
    generator = Path(sys.executable).with_name("openapi-python-client")
    words = ["generate", "--path", OPENAPI, "--config", configuration, "--output-path", folder / "okr_client"]
    # It formats what it has made with tools that it looks for on the path.
    path = f"{generator.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [generator, *words, "--meta", "none", "--fail-on-warning"],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def make_typescript_client(folder: Path, tools: NodeTools) -> None:
    """A folder with `okr.ts`, the types; the programs that use them, and the packages that they import."""
    (folder / "node_modules").symlink_to(tools.folder / "node_modules")
    for program in (HERE / "main_job.ts", HERE / "tsconfig.json", WATCH):
        shutil.copy(program, folder)
    (folder / "package.json").write_text('{"type": "module"}\n')
    # What has a default may be left out by whoever sends it.
    words = [OPENAPI, "--default-non-nullable", "false", "--output", folder / "okr.ts"]
    done = tools.run("openapi-typescript", *words, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
