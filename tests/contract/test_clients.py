"""Clients that were made from the OpenAPI document do the main job against the running service."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from contract_clients import make_python_client, make_typescript_client
from contract_node import HERE, NodeTools
from demo_service import Service

from okr_cli.client import Client

JOB: dict[str, Any] = {
    "results": ["created", "created", "rejected"],
    "tags": ["guests"],
    "grade": 0.6,
    "stale": False,
    "missing": "not_found",
}


def check_job(output: str) -> None:
    """What a program printed of the main job is right."""
    told = json.loads(output)
    history = told.pop("history")
    assert told == JOB
    # The days between the two values may be in it too, each with what held then.
    assert list(dict.fromkeys(history)) == [0.2, 0.6]


def test_a_generated_python_client_does_the_main_job(service: Service, tmp_path: Path) -> None:
    make_python_client(tmp_path)
    program = tmp_path / "main_job.py"
    program.write_text((HERE / "main_job.py").read_text())
    words = [sys.executable, "-W", "error", program, service.url, service.new_key()]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    check_job(done.stdout)


@pytest.fixture(scope="module")
def typescript(tools: NodeTools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated types and the programs that use them."""
    folder = tmp_path_factory.mktemp("typescript")
    make_typescript_client(folder, tools)
    return folder


def test_the_typescript_programs_fit_the_generated_types(tools: NodeTools, typescript: Path) -> None:
    done = tools.run("tsc", "--project", typescript, cwd=typescript)
    assert done.returncode == 0, done.stdout


def test_a_program_that_does_not_fit_them_is_noticed(tools: NodeTools, typescript: Path) -> None:
    program = (typescript / "main_job.ts").read_text().replace("patched.tags", "patched.labels")
    wrong = typescript / "wrong"
    wrong.mkdir()
    (wrong / "main_job.ts").write_text(program.replace("./okr.ts", "../okr.ts"))
    (wrong / "tsconfig.json").write_text((typescript / "tsconfig.json").read_text())
    done = tools.run("tsc", "--project", wrong, cwd=wrong)
    assert done.returncode != 0
    assert "Property 'labels' does not exist" in done.stdout


def test_a_typescript_client_does_the_main_job(service: Service, tools: NodeTools, typescript: Path) -> None:
    done = tools.node("main_job.ts", cwd=typescript, OKR_URL=service.url, OKR_API_KEY=service.new_key())
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    check_job(done.stdout)


def test_a_front_end_reads_and_watches(service: Service, tools: NodeTools, typescript: Path) -> None:
    api_key = service.new_key()
    access = {"OKR_URL": service.url, "OKR_API_KEY": api_key}
    done = tools.node("main_job.ts", cwd=typescript, **access)
    assert done.returncode == 0, done.stderr
    watching = tools.start_node("watch.ts", cwd=typescript, OKR_WATCH_CHANGES="1", OKR_WATCH_SECONDS="60", **access)
    with watching as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[0] == "0.600"
        assert process.stdout.readline() == "watching\n"
        with Client(service.url, api_key) as client:
            client.post("/v1/metrics/share/points", {"value": 80})
        output, errors = process.communicate(timeout=90)
    assert (process.returncode, errors) == (0, ""), errors
    assert output.split()[0] == "0.800"
