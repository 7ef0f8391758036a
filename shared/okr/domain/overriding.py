"""People's words on grades: an override stands above what the rules made, which stays beside it."""

from dataclasses import replace
from decimal import Decimal

from okr.domain import pace
from okr.domain.errors import Invalid
from okr.domain.finishing import Finished, named
from okr.domain.measures import Trace
from okr.domain.numbers import places12
from okr.domain.ruleset import Ruleset
from okr.domain.values import Grade, Inputs, KeyResultInputs, Kind, Level, Provenance, Step

OVERRIDDEN = "overridden"
NEWER_EVIDENCE = "newer_evidence"


class GradeOutOfBounds(Invalid):
    """The grade lies outside of what the rules let a grade be.

    Send one between the ruleset's floor and cap, which the answer names.
    """

    code = "grade_out_of_bounds"


def check_override(grade: Decimal, level: Level, rules: Ruleset) -> None:
    """Raises GradeOutOfBounds for a word that no grade of the level could be under these rules."""
    floor, cap = rules.bounds[level].floor, rules.bounds[level].cap
    if (floor is not None and grade < floor) or (cap is not None and grade > cap):
        edges = {"from": floor, "to": cap}
        bounds = " ".join(f"{word} {edge:f}" for word, edge in edges.items() if edge is not None)
        raise GradeOutOfBounds(f"Under {rules.key} version {rules.version} a grade goes {bounds}.", pointer="/grade")


def with_override(made: Grade, inputs: Inputs, rules: Ruleset, trace: Trace) -> Grade:
    """What the rules made, with the word of a person above it where there is one.

    Raw, progress, expected and coverage stay: they say what was measured. Status, label and band are those of the final grade,
    whose pace is its own and not that of the progress. Nothing bounds or rounds what a person said.
    """
    override = inputs.override
    if override is None:
        return made
    final = places12(override.grade)
    if trace is not None:
        # How far ahead the computed grade was no longer says anything.
        trace[:] = [step for step in trace if step.number != "ahead"]
        facts: dict[str, Decimal | str | None] = {"said": final, "reason": override.reason, "person": override.person}
        trace.append(Step("override", "grade", made.grade, final, facts))
    end = _named(final, made, inputs, rules=rules, trace=trace)
    newer = (NEWER_EVIDENCE,) if override.has_newer_evidence else ()
    return replace(
        made,
        grade=final,
        status=end.status,
        label=end.label,
        band=end.band,
        reasons=(*made.reasons, OVERRIDDEN, *newer),
        provenance=Provenance.OVERRIDE,
        computed_grade=made.grade,
    )


def _named(final: Decimal, made: Grade, inputs: Inputs, *, rules: Ruleset, trace: Trace) -> Finished:
    is_guardrail = isinstance(inputs, KeyResultInputs) and inputs.measure.kind is Kind.GUARDRAIL
    return named(
        final,
        level=Level.KEY_RESULT if isinstance(inputs, KeyResultInputs) else inputs.level,
        over=final,
        progress=None,
        expected=made.expected,
        success_line=made.success_line,
        is_over=inputs.window is not None and pace.is_over(inputs.window),
        rules=rules,
        trace=trace,
        is_guardrail=is_guardrail,
    )
