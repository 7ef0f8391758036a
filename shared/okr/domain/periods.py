"""What a key result's periods say together: their average, the worst of them, or the share of them that was kept."""

from decimal import Decimal

from okr.domain.numbers import ONE, ZERO, divide, places12, subtract, weighted_mean
from okr.domain.ruleset import Of
from okr.domain.values import KeyResultInputs, Kind, Measure, Step, Window


def planned(window: Window, period_days: int) -> int:
    """How many periods the window has, a last short one included; at least one."""
    days = (window.due_on - window.starts_on).days + 1
    return max(-(-days // period_days), 1)


def looked_at(inputs: KeyResultInputs, of: Of) -> tuple[Decimal | None, Step | None]:
    """The average of the periods' values or the worst of them, and the step that says so; (None, None) without any value."""
    values = [value for value in inputs.reading.periods if value is not None]
    if not values:
        return None, None
    if of is Of.AVERAGE:
        mean = weighted_mean((ONE, value) for value in values)
        assert mean is not None, "weights of one add up to something"
        value = places12(mean)
    else:
        value = _worst(values, inputs.measure)
    return value, Step("periods", "value", None, value, {"of": of.value, "periods": Decimal(len(values))})


def _worst(values: list[Decimal], measure: Measure) -> Decimal:
    """The lowest, the highest where less is better, the farthest outside where there is a band."""
    match measure.kind:
        case Kind.BAND | Kind.GUARDRAIL:
            return max(values, key=lambda value: _outside(value, measure))
        case Kind.DECREASE | Kind.AT_MOST:
            return max(values)
        case _ if measure.start is not None and measure.target is not None and measure.target < measure.start:
            return max(values)
        case _:
            return min(values)


def _outside(value: Decimal, measure: Measure) -> Decimal:
    """How far the value lies outside of the band's edges; 0 inside."""
    low, high = measure.band_low, measure.band_high
    if low is not None and value < low:
        return subtract(low, value)
    return subtract(value, high) if high is not None and value > high else ZERO


def share_of_periods(inputs: KeyResultInputs, of: Of) -> tuple[Decimal | None, Step | None]:
    """Kept periods ÷ planned ones, or ÷ those that have begun; a period without a value is not kept.

    (None, None) before the first value; (None, step) where nothing says what kept means.
    """
    values = inputs.reading.periods
    if all(value is None for value in values):
        return None, None
    kept = sum(1 for value in values if value is not None and _is_kept(value, inputs.measure))
    count = planned(inputs.window, inputs.period_days) if of is Of.SHARE_OF_PLANNED_PERIODS else len(values)
    share = places12(divide(Decimal(kept), Decimal(count)))
    step = Step("kept_periods", "raw", None, share, {"kept": Decimal(kept), "periods": Decimal(count), "of": of.value})
    return (share if _says_kept(inputs.measure) else None), step


def _says_kept(measure: Measure) -> bool:
    if measure.kind in (Kind.BAND, Kind.GUARDRAIL):
        return measure.band_low is not None or measure.band_high is not None
    return measure.target is not None


def _is_kept(value: Decimal, measure: Measure) -> bool:
    if measure.kind in (Kind.BAND, Kind.GUARDRAIL):
        return not _outside(value, measure)
    if measure.target is None:
        return False
    falls = measure.kind in (Kind.DECREASE, Kind.AT_MOST) or (
        measure.start is not None and measure.target < measure.start and measure.kind is not Kind.AT_LEAST
    )
    return value <= measure.target if falls else value >= measure.target
