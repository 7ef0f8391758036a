"""What cannot be read as YAML is refused with the place where a person finds it."""

import pytest

from okr.rulesets.spelling import RulesetInvalid, parse_document


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: Ours\nsuccess: {committed: 0.9\n", "line 3, column 1: expected ',' or '}'"),
        ("title: Ours: more", "line 1, column 12: mapping values are not allowed here"),
        ("title: Ours\ntitle: Theirs", "line 2, column 1: the key 'title' is there twice"),
        ("title: &t Ours\ndescription: *t", "line 2, column 14: references (*name) are not allowed"),
    ],
)
def test_what_is_no_yaml_is_told_by_line_and_column(text: str, told: str) -> None:
    with pytest.raises(RulesetInvalid) as refused:
        parse_document(text)
    (finding,) = refused.value.findings
    assert finding.message.startswith(f"is not YAML: {told}")
