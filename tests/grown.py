"""A company in which previews and rules have everything to get wrong: every kind, teams below teams, goals that serve others."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from company import Company, a_key_result, a_metric, a_team, an_alignment, an_objective, check_in, push
from okr.db.points import NewPoint

PARAMETERS: dict[str, dict[str, Any]] = {
    "increase": {"commit_value": Decimal(30), "stretch_value": Decimal(120)},
    "decrease": {"start_value": Decimal(90), "target_value": Decimal(10)},
    "at_least": {"target_value": Decimal(80)},
    "band": {"band_low": Decimal(20), "band_high": Decimal(30)},
    "count_ratio": {"target_value": Decimal(90)},
    "guardrail": {"band_high": Decimal(40)},
}


async def a_grown_company(company: Company) -> dict[str, UUID]:
    """Teams below teams, objectives that serve others directly and through a composite, every kind of value."""
    metric, now = await a_metric(company, "arr"), datetime.now(UTC)
    top = await a_team(company)
    leaf = await a_team(company, parent_id=top)
    parent = await an_objective(company, team_id=top)
    child = await an_objective(company, team_id=leaf, commitment="aspirational")
    below = await an_objective(company)
    alone = await an_objective(company, commitment="learning")
    for kind, values in PARAMETERS.items():
        await a_key_result(company, child, kind=kind, metric_id=metric, **values)
    binary = await a_key_result(company, parent, kind="binary", weight=Decimal(3))
    milestones = [{"title": "a", "weight": "1", "done": True}, {"title": "b", "weight": "2.5", "done": False}]
    await a_key_result(company, parent, kind="milestone", milestones=milestones)
    zones = [{"name": "calm", "grade": "0.8"}, {"name": "tense", "grade": "0.1"}]
    ordinal = await a_key_result(company, alone, kind="ordinal", zones=zones)
    reach = await a_key_result(company, alone, kind="reach", metric_id=metric)
    composite = await a_key_result(
        company, alone, kind="composite", formula={"op": "mean", "of": [str(reach)]}, target_value=Decimal(1)
    )
    low = await a_key_result(company, below, metric_id=metric)
    await a_key_result(company, below, kind="binary")
    await an_alignment(company, child, parent_objective_id=parent, weight=Decimal(2))
    await an_alignment(company, below, parent_key_result_id=composite)
    days = [now - timedelta(days=back) for back in (40, 30, 20, 10, 3)]
    await push(
        company, *(NewPoint("arr", Decimal(value), at) for value, at in zip((15, 28, 64, 99, 75), days, strict=True))
    )
    await check_in(company, binary, parent, observed_at=days[1], value=Decimal(1), confidence=Decimal("0.7"))
    await check_in(company, ordinal, alone, observed_at=days[3], zone="tense")
    return {
        "top": top,
        "leaf": leaf,
        "parent": parent,
        "child": child,
        "below": below,
        "alone": alone,
        "low": low,
        "composite": composite,
    }


DOCUMENTS: dict[str, dict[str, Any]] = {
    "other bounds": {"bounds": {"key_results": {"floor": -1, "cap": 2}}, "success": {"aspirational": 0.9}},
    "thirds": {"rounding": {"key_results": 1, "objectives": 2}, "combine": {"objectives": {"how": "mean"}}},
    "the least counts": {"combine": {"objectives": {"how": "min", "missing": "zero"}}, "guardrails": {"cap": None}},
    "conditions": {
        "adjustments": [
            {
                "key": "hard",
                "levels": ["key_result", "objective"],
                "when": 'subject.commitment == "aspirational"',
                "then": {"scale": 1.1},
                "reason": "Hard ones count more.",
            }
        ]
    },
}
