"""Every operation is asked all sorts of things, valid and not, one after another and in chains; see schemathesis.toml.

`FUZZ_EXAMPLES` is how many requests each operation gets in each of the phases that draw them. With more than the usual few
every run draws others (and prints its seed); the usual few are always the same, so that a run fails only by what was changed.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from contract_document import OPENAPI, Json, operations
from contract_node import HERE
from contract_pools import write_pools
from demo_service import Service

from okr_cli import demo
from okr_cli.client import Client
from okr_cli.demo.loading import today_at_the_company

CONFIGURATION = HERE / "schemathesis.toml"
A_FEW = 25
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", A_FEW))


def fuzz(url: str, api_key: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the fuzzer in a folder that has its pools."""
    for name in (CONFIGURATION.name, "fuzzing_forms.py"):
        shutil.copy(HERE / name, folder)
    words = ["--config-file", folder / CONFIGURATION.name, "run", OPENAPI, "--url", url, "--no-color"]
    words += ["--header", f"Authorization: Bearer {api_key}", "--request-timeout", "60", "--workers", "2"]
    program = Path(sys.executable).with_name("schemathesis")
    return subprocess.run([program, *words, *options], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def company(service: Service, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The key of an organization with a quarter of goals in it, and the folder with pools of what is there."""
    folder = tmp_path_factory.mktemp("fuzzing")
    api_key = service.new_key()
    with Client(service.url, api_key) as client:
        demo.load(client, today=today_at_the_company(), on_progress=lambda _: None)
        write_pools(client, folder)
    return api_key, folder


def test_no_request_gets_an_answer_that_is_not_documented(service: Service, company: tuple[str, Path]) -> None:
    api_key, folder = company
    seed = ["--seed", "1"] if EXAMPLES <= A_FEW else []
    done = fuzz(service.url, api_key, folder, "--max-examples", str(EXAMPLES), *seed)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    with Client(service.url, api_key) as client:
        client.get("/v1/me")  # or else most of it was asked with a key that had been revoked


def allowances() -> list[Json]:
    """What schemathesis.toml allows single operations to answer to valid requests."""
    found: list[Json] = tomllib.loads(CONFIGURATION.read_text())["operations"]
    return [one for one in found if "positive_data_acceptance" in one.get("checks", {})]


def named(allowance: Json) -> list[str]:
    """The operations that it is for."""
    names = allowance["include-operation-id"]
    return [names] if isinstance(names, str) else names


def test_what_is_allowed_is_allowed_to_operations_that_answer_it(document: Json) -> None:
    known = {operation["operationId"]: operation for _, operation in operations(document)}
    for allowance in allowances():
        for name in named(allowance):
            statuses = {
                int(one) for one in allowance["checks"]["positive_data_acceptance"]["expected-statuses"] if one != "2xx"
            }
            declared = {int(status) for status in known[name]["responses"]}
            # Neither 404 nor 409 is an allowance: without one they are taken for valid answers anyway, if they are declared.
            assert statuses <= declared | {404, 409}, name


def test_lists_are_allowed_to_refuse_cursors_and_nothing_else_is(document: Json) -> None:
    [lists] = [one for one in allowances() if "list_teams" in named(one)]
    with_cursor = {
        operation["operationId"]
        for _, operation in operations(document)
        if any(one["name"] == "cursor" for one in operation.get("parameters", []))
    }
    assert set(named(lists)) == with_cursor, "schemathesis.toml names the operations that take a cursor"
    others = {name for one in allowances() if one != lists for name in named(one)}
    reads = {operation["operationId"] for name, operation in operations(document) if name.startswith("GET")}
    assert others & reads == set(), "a read that takes no cursor refuses nothing that is valid"
