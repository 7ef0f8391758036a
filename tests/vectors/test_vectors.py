"""The presets give what the systems they are named after print, and any file of cases ends in lines of text."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vectors.__main__ import main
from vectors.cases import Case, read_cases
from vectors.running import judged

OWN = Path(__file__).with_name("cases.json")


def a_file(folder: Path, *cases: object) -> Path:
    path = folder / "cases.json"
    path.write_text(json.dumps(cases), encoding="utf-8")
    return path


def a_case(**given: object) -> dict[str, object]:
    """Half of the way, which every system calls 50 %."""
    told = {"id": "half", "source": "ours", "system": "operately", "kind": "increase", "scope": "grade"}
    return {**told, "start": 0, "target": 10, "current": 5, "expected": 50, "expected_unit": "percent", **given}


def told(folder: Path, capsys: pytest.CaptureFixture[str], *cases: object) -> list[str]:
    assert main([str(a_file(folder, *cases))]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_presets_reproduce_the_published_examples() -> None:
    cases = read_cases(OWN)
    missed = [case.id for case in cases if not judged(case).is_reproduced]
    assert len(cases) > 200
    assert missed == []


def test_every_case_of_our_own_says_where_its_facts_come_from() -> None:
    assert [case.id for case in read_cases(OWN) if not case.source] == []


def test_what_is_reproduced_is_counted_by_scope(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label = {"system": "boja", "kind": "status_by_progress", "scope": "label", "expected_unit": "status"}
    at_risk = a_case(**label, inputs={"percent": 20}, expected="At risk")
    lines = told(tmp_path, capsys, a_case(), at_risk, a_case(scope="unsayable", expected="a sentence"))
    assert lines == [
        "not counted: 1 that no rules could give",
        "grade: 1 of 1 reproduced",
        "label: 1 of 1 reproduced",
        "helper: 0 of 0 reproduced",
        "grade and label: 2 of 2 reproduced",
    ]


def test_a_miss_says_what_was_expected_what_came_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    miss, *rest = told(tmp_path, capsys, a_case(expected=51))
    assert miss.startswith("half operately / increase: expected 51 (percent), got 50: preset operately, way raw 0.5")
    assert rest[-1] == "grade and label: 0 of 1 reproduced"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"system": "Nobody"}, "no preset speaks for 'Nobody'"),
        ({"kind": "astrology"}, "nothing here measures 'astrology'"),
        ({"current": "a lot"}, "the value 'a lot' is no number"),
        ({"current": 1e300}, "beyond what the service takes"),
        ({"kind": "mean", "weights": [1], "inputs": {"scores": [1, 2]}}, "1 weights for 2 parts"),
        ({"kind": "mean", "inputs": {}}, "says no scores and no targets"),
        ({"kind": "mean", "inputs": {"scores": "many"}}, "scores is no list"),
        ({"kind": "pace_status_ratio", "inputs": {"mood": 1}}, "says neither progress nor how far behind: mood"),
    ],
)
def test_what_makes_no_subject_is_a_miss_with_the_reason(
    change: dict[str, object], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    miss, *_ = told(tmp_path, capsys, a_case(**change))
    assert why in miss
    assert "got nothing" in miss


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "no JSON"),
        ("[1, 2", "no JSON"),
        ("[NaN]", "NaN is no number"),
        ("[" * 100_000, "no JSON"),
        ("{}", "a list of cases is expected"),
        ("[1]", "case 1 is not an object"),
        ('[{}, {"inputs": 3}]', "case 2: inputs is a Decimal"),
        ('[{"weights": ["heavy"]}]', "case 1: weights are not numbers"),
    ],
)
def test_a_file_without_cases_is_told_in_one_line(
    text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main([str(path)]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert message in out.err
    assert out.err.count("\n") == 1


@pytest.mark.parametrize(
    ("expected", "is_reproduced"),
    [
        ("33", True),
        ("33.3", True),
        ("33.33", True),
        ("33.30", False),
        ("33.4", False),
        ("34", False),
        ("null", False),
        ('"33"', False),
        ("[33]", True),
        ("[33, 33]", False),
    ],
)
def test_numbers_are_compared_to_the_places_that_are_expected(
    expected: str, is_reproduced: bool, tmp_path: Path
) -> None:
    path = a_file(tmp_path, a_case(target=3, current=1, expected="HERE"))
    path.write_text(path.read_text(encoding="utf-8").replace('"HERE"', expected), encoding="utf-8")
    (case,) = read_cases(path)
    assert judged(case).is_reproduced is is_reproduced


@pytest.mark.parametrize("expected", [12, 13])
def test_a_number_between_two_may_be_rounded_to_either(expected: int, tmp_path: Path) -> None:
    (case,) = read_cases(a_file(tmp_path, a_case(target=8, current=1, expected=expected)))
    assert judged(case).is_reproduced


@pytest.mark.parametrize("name", ["Google", "google re:work", "Google, as taught in 2015", "GOOGLE"])
def test_a_system_is_known_however_its_name_is_spelled(name: str, tmp_path: Path) -> None:
    (case,) = read_cases(a_file(tmp_path, a_case(system=name, expected=0.5, expected_unit="ratio")))
    assert judged(case).why.startswith("preset google,")


def test_words_are_compared_whatever_their_case_but_not_their_meaning(tmp_path: Path) -> None:
    label = {"system": "boja", "kind": "status_by_progress", "inputs": {"percent": 20}, "expected_unit": "status"}
    words = {word: read_cases(a_file(tmp_path, a_case(**label, expected=word))) for word in ("AT_RISK", "on track")}
    assert {word: judged(cases[0]).is_reproduced for word, cases in words.items()} == {
        "AT_RISK": True,
        "on track": False,
    }


def test_neither_ids_nor_sources_nor_what_is_expected_change_what_comes() -> None:
    for case in read_cases(OWN):
        other = Case(**{**vars(case), "id": "another", "source": "", "expected": Decimal("123.456"), "scope": "helper"})
        assert judged(other).why == judged(case).why
        assert not judged(other).is_reproduced


_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 200)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([1e308, -1e15]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
_RAW = json.loads(OWN.read_text(encoding="utf-8"))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_file_ends_in_counts_or_in_one_line(
    data: st.DataObject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = dict(data.draw(st.sampled_from(_RAW)))
    names: list[str] = data.draw(st.lists(st.sampled_from(sorted(case)), max_size=2))
    for name in names:
        case[name] = data.draw(_ANYTHING)
    inside = [name for name in ("inputs", "zones") if isinstance(case.get(name), dict) and case[name]]
    if data.draw(st.booleans()) and inside:
        part: str = data.draw(st.sampled_from(inside))
        inner: str = data.draw(st.sampled_from(sorted(case[part])))
        case[part] = {**case[part], inner: data.draw(_ANYTHING)}
    code = main([str(a_file(tmp_path, case))])
    out = capsys.readouterr()
    assert (code, out.err.count("\n")) in ((0, 0), (2, 1))
    if code == 0:
        assert out.out.splitlines()[-1].startswith("grade and label: ")
