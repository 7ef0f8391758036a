"""Inputs of a grade as compact JSON, and back: what a snapshot keeps so that its grade can be made again.

A key result's measure is not copied: its version is immutable, so its revision is enough. Decimals are strings, so that none
loses a digit; absent keys are None or empty.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from okr.db.tables.scoring import KIND_NUMBERS, KINDS_BY_NUMBER
from okr.domain.values import (
    Commitment,
    Freshness,
    KeyResultInputs,
    Measure,
    Operand,
    Override,
    Part,
    Reading,
    RollUpInputs,
    Window,
)

Packed = dict[str, Any]


def pack_key_result(inputs: KeyResultInputs, revision: int) -> Packed:
    """`r` revision, `c` commitment, `w` window, `p` period in days; of the reading `v` value, `z` zone, `m` milestones done,
    `o` operands, `f` confidence, `at` when observed, `q` values by the period; `x` what conditions were told about it, `u` the
    override.
    """
    reading = inputs.reading
    return _present(
        r=revision,
        c=inputs.commitment,
        w=_pack_window(inputs.window),
        p=inputs.period_days,
        v=_text(reading.value),
        z=reading.zone,
        m=sorted(reading.done),
        o=[[operand.id, _text(operand.value), _text(operand.weight)] for operand in reading.operands],
        f=_text(reading.confidence),
        at=reading.observed_at.isoformat() if reading.observed_at else None,
        u=_pack_override(inputs.override) if inputs.override else None,
        q=[_text(value) for value in reading.periods],
        x=inputs.context,
    )


def unpack_key_result(packed: Packed, *, measure: Measure, instant: datetime) -> KeyResultInputs:
    """The inputs that `pack_key_result` packed; `measure` is that of the revision `packed["r"]`."""
    return KeyResultInputs(
        instant=instant,
        measure=measure,
        commitment=Commitment(packed["c"]),
        window=unpack_window(packed["w"]),
        period_days=packed["p"],
        override=_unpack_override(packed["u"]) if "u" in packed else None,
        reading=unpack_reading(packed),
        context=packed.get("x"),
    )


def unpack_reading(packed: Packed) -> Reading:
    """What was known of the key result."""
    return Reading(
        value=_number(packed.get("v")),
        zone=packed.get("z"),
        done=frozenset(packed.get("m", ())),
        operands=tuple(Operand(id, _number(value), Decimal(weight)) for id, value, weight in packed["o"])
        if "o" in packed
        else (),
        confidence=_number(packed.get("f")),
        observed_at=datetime.fromisoformat(packed["at"]) if "at" in packed else None,
        periods=tuple(map(_number, packed["q"])) if "q" in packed else (),
    )


def pack_roll_up(inputs: RollUpInputs) -> Packed:
    """`c` commitment, `w` window, `parts`: kind number, id, weight, raw, progress, grade, expected, confidence, coverage,
    freshness, and true for a guardrail; `x` what conditions were told, `u` the override.
    """
    return _present(
        c=inputs.commitment,
        w=_pack_window(inputs.window) if inputs.window else None,
        parts=[_pack_part(part) for part in inputs.parts],
        u=_pack_override(inputs.override) if inputs.override else None,
        x=inputs.context,
    )


def unpack_roll_up(packed: Packed, *, instant: datetime) -> RollUpInputs:
    """The inputs that `pack_roll_up` packed."""
    return RollUpInputs(
        instant=instant,
        parts=tuple(_unpack_part(row) for row in packed.get("parts", ())),
        commitment=Commitment(packed["c"]) if "c" in packed else None,
        window=unpack_window(packed["w"]) if "w" in packed else None,
        override=_unpack_override(packed["u"]) if "u" in packed else None,
        context=packed.get("x"),
    )


def _pack_part(part: Part) -> list[Any]:
    row: list[Any] = [
        KIND_NUMBERS[part.kind],
        part.id.replace("-", ""),
        _text(part.weight),
        _text(part.raw),
        _text(part.progress),
        _text(part.grade),
        _text(part.expected),
        _text(part.confidence),
        _text(part.coverage),
        part.freshness,
    ]
    return [*row, True] if part.is_guardrail else row


def _unpack_part(row: list[Any]) -> Part:
    kind, id, weight, raw, progress, grade, expected, confidence, coverage, freshness, *guardrail = row
    return Part(
        kind=KINDS_BY_NUMBER[kind],
        id=str(UUID(id)),
        weight=Decimal(weight),
        raw=_number(raw),
        progress=_number(progress),
        grade=_number(grade),
        expected=_number(expected),
        confidence=_number(confidence),
        coverage=Decimal(coverage),
        freshness=Freshness(freshness),
        is_guardrail=bool(guardrail),
    )


def _pack_window(window: Window) -> list[Any]:
    days = [window.starts_on.isoformat(), window.due_on.isoformat(), window.ended_on.isoformat()]
    return [*days, True] if window.is_closed else days


def unpack_window(packed: list[Any]) -> Window:
    """The window that stands under `w`."""
    starts_on, due_on, ended_on, *closed = packed
    return Window(date.fromisoformat(starts_on), date.fromisoformat(due_on), date.fromisoformat(ended_on), bool(closed))


def _pack_override(override: Override) -> list[Any]:
    """Id, grade, when made, and true where there is newer evidence. Its words are in its own row, which never changes."""
    row: list[Any] = [override.id, _text(override.grade), override.made_at.isoformat()]
    return [*row, True] if override.has_newer_evidence else row


def _unpack_override(row: list[Any]) -> Override:
    id, grade, made_at, *newer = row
    return Override(id, Decimal(grade), datetime.fromisoformat(made_at), bool(newer))


def _present(**values: Any) -> Packed:
    return {key: value for key, value in values.items() if value is not None and value != []}


def _text(number: Decimal | None) -> str | None:
    if number is None:
        return None
    text = str(number)  # twice as fast as format, and the same but for very small and very large numbers
    return format(number, "f") if "E" in text else text


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
