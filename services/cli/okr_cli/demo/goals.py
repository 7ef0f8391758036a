"""Objectives, key results, alignments and check-ins of one cycle."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from okr_cli.client import Client, Json
from okr_cli.demo.directory import Ids
from okr_cli.demo.finding import each, known_by, make, without_none
from okr_cli.demo.model import KeyResult, Objective, Revision
from okr_cli.demo.plan import CheckIn, Plan, Quarter


@dataclass(frozen=True)
class Goals:
    """One cycle's objectives as they are in the service: by title, and key results by both titles."""

    cycle_id: str
    quarter: Quarter
    planned: Sequence[Objective]
    objectives: dict[str, Json] = field(default_factory=dict)
    key_results: dict[tuple[str, str], Json] = field(default_factory=dict)

    @property
    def open(self) -> list[Objective]:
        """Those that may still change."""
        return [one for one in self.planned if self.objectives[one.title]["state"] not in ("closed", "cancelled")]


def load_goals(
    client: Client, cycle_id: str, quarter: Quarter, planned: Sequence[Objective], *, people: Ids, teams: Ids
) -> Goals:
    """Objectives with their key results and alignments, active in the end."""
    goals = Goals(cycle_id, quarter, planned)
    known = known_by(client, "/v1/objectives", "title", cycle_id=cycle_id, expand="key_results")

    def load_one(objective: Objective) -> None:
        found = known.get(objective.title)
        if found is None:
            # A composite names the ids of its siblings, so it cannot come along.
            plain = [_key_result_body(one, {}, people=people) for one in objective.key_results if one.op is None]
            body = _objective_body(objective, cycle_id, people=people, teams=teams)
            found = make(client, "/v1/objectives", {**body, "key_results": plain})
        goals.objectives[objective.title] = found
        there = {key_result["title"]: key_result for key_result in found["key_results"]}
        for key_result in objective.key_results:
            if key_result.title not in there:
                body = _key_result_body(key_result, there, people=people)
                there[key_result.title] = make(client, f"/v1/objectives/{found['id']}/key-results", body)
            goals.key_results[objective.title, key_result.title] = there[key_result.title]

    each(planned, load_one)
    each(goals.open, lambda objective: _align(client, goals, objective))
    each(goals.open, lambda objective: _activate(client, goals, objective))
    return goals


def say(client: Client, goals: Goals, plan: Plan, *, people: Ids) -> int:
    """Send what people say of the key results; answers how many words there are by now. What is closed has been said."""
    is_open = {objective.title for objective in goals.open}

    def say_one(pair: tuple[Objective, KeyResult]) -> int:
        objective, key_result = pair
        planned = plan.check_ins(objective, key_result, quarter=goals.quarter)
        if planned and objective.title in is_open:
            path = f"/v1/key-results/{goals.key_results[objective.title, key_result.title]['id']}/check-ins"
            known = {item["comment"] for item in client.items(path)}
            for check_in in planned:
                if check_in.said.comment not in known:
                    make(client, path, _check_in_body(check_in, people))
        return len(planned)

    return sum(each([(objective, one) for objective in goals.planned for one in objective.key_results], say_one))


def revise(client: Client, goals: Goals, revision: Revision) -> None:
    """Change a key result's numbers while it runs, unless they have been changed already."""
    path = f"/v1/key-results/{goals.key_results[revision.objective, revision.key_result]['id']}"
    wanted = dict(revision.fields)
    there = client.get(path)
    if any(there[name] != value for name, value in wanted.items()):
        client.patch(path, wanted | {"reason": revision.reason})


def close(client: Client, goals: Goals) -> None:
    """Close the objectives that still run, then their cycle."""
    each(
        goals.open,
        lambda objective: make(client, f"/v1/objectives/{goals.objectives[objective.title]['id']}/close", {}),
    )
    make(client, f"/v1/cycles/{goals.cycle_id}/close", {})


def _activate(client: Client, goals: Goals, objective: Objective) -> None:
    there = goals.objectives[objective.title]
    if there["state"] != "active":
        goals.objectives[objective.title] = make(client, f"/v1/objectives/{there['id']}/activate", {})


def _align(client: Client, goals: Goals, objective: Objective) -> None:
    if not objective.toward:
        return
    path = f"/v1/objectives/{goals.objectives[objective.title]['id']}/alignments"
    known = {item.get("parent_objective_id") or item.get("parent_key_result_id") for item in client.items(path)}
    for toward in objective.toward:
        if toward.key_result:
            parent = {"parent_key_result_id": goals.key_results[toward.objective, toward.key_result]["id"]}
        else:
            parent = {"parent_objective_id": goals.objectives[toward.objective]["id"]}
        if not known.intersection(parent.values()):
            make(client, path, {**parent, "weight": toward.weight, "mode": toward.mode})


def _objective_body(objective: Objective, cycle_id: str, *, people: Ids, teams: Ids) -> Json:
    return without_none(
        title=objective.title,
        description=objective.description,
        insight=objective.insight,
        perspective=objective.perspective,
        horizon=objective.horizon,
        source=objective.source,
        commitment=objective.commitment,
        cycle_id=cycle_id,
        team_id=teams[objective.team],
        owner_id=people[objective.owner],
        sponsor_id=people[objective.sponsor],
        contributor_ids=[people[handle] for handle in objective.contributors],
        weight=objective.weight,
        tags=list(objective.tags),
    )


def _key_result_body(key_result: KeyResult, siblings: dict[str, Json], *, people: Ids) -> Json:
    return without_none(
        title=key_result.title,
        kind=key_result.kind,
        start_value=key_result.start,
        target_value=key_result.target,
        commit_value=key_result.commit,
        stretch_value=key_result.stretch,
        band_low=key_result.low,
        band_high=key_result.high,
        milestones=[{"title": title, "weight": weight} for title, weight in key_result.milestones] or None,
        zones=[{"name": name, "grade": grade} for name, grade in key_result.zones] or None,
        formula={"op": key_result.op, "of": [siblings[title]["id"] for title in key_result.operands]}
        if key_result.op
        else None,
        unit=key_result.unit,
        weight=key_result.weight,
        metric_key=key_result.metric,
        value_class=key_result.value_class,
        indicator=key_result.indicator,
        owner_id=people[key_result.owner] if key_result.owner else None,
    )


def _check_in_body(check_in: CheckIn, people: Ids) -> Json:
    said = check_in.said
    return without_none(
        value=said.value,
        zone=said.zone,
        milestone=said.milestone,
        confidence=said.confidence,
        comment=said.comment,
        blockers=said.blockers,
        observed_at=check_in.observed_at.isoformat(),
        person_id=people[check_in.person],
    )
