"""What the board shows, read from the API."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from okr_cli.board.sparks import WEEKS, weekly
from okr_cli.board.values import current_measures, measures_of
from okr_cli.client import Client, Json
from okr_cli.errors import CommandFailed

_AT_A_TIME = 6


@dataclass(frozen=True)
class Team:
    """A team with its place in the tree: `ancestors` are ids, the root's first."""

    id: str | None
    name: str
    kind: str
    ancestors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Board:
    """One cycle at one instant.

    `sections` follow the tree of teams and hold scoreboard items; one without any leads to teams that have some.
    """

    organization: str
    cycle: Json
    grade: Json
    day_shown: date
    is_now: bool
    day: int
    days: int
    sections: list[tuple[Team, list[Json]]]
    team_grades: Mapping[str, Json]
    sparks: Mapping[str, list[float | None]]
    people: Mapping[str, str]

    @property
    def items(self) -> list[Json]:
        """All objectives, in the order of the sections."""
        return [item for _, items in self.sections for item in items]


@dataclass
class Reader:
    """Reads one cycle again and again, asking only for what may have changed."""

    client: Client
    cycle_id: str
    as_of: date | None
    organization: Json
    teams: list[Team]
    people: dict[str, str]
    _etag: str | None = None
    _newest: Json = field(default_factory=dict)
    _sparks: dict[str, tuple[int, list[float | None]]] = field(default_factory=dict)

    @classmethod
    def of(cls, client: Client, cycle: str, as_of: date | None) -> "Reader":
        """For the cycle with that id, or the `current` or `last` one. Raises CommandFailed when there is none."""
        organization = client.get("/v1/organization")
        cycle_id = _choose_cycle(list(client.items("/v1/cycles")), cycle)
        if as_of is not None and as_of >= datetime.now(ZoneInfo(organization["time_zone"])).date():
            as_of = None  # today is not over, and its grade is the current one
        people = {person["id"]: person["name"] for person in client.items("/v1/people")}
        return cls(client, cycle_id, as_of, organization, in_tree_order(client.items("/v1/teams")), people)

    def read(self) -> Board | None:
        """The board, or None when nothing has changed since the last reading."""
        path = f"/v1/cycles/{self.cycle_id}/scoreboard"
        headers = {"If-None-Match": self._etag} if self._etag else None
        answer = self.client.send("GET", path, query=self._moment, headers=headers)
        if answer.status_code == 304:
            return None
        scoreboard = self.client.read(answer)
        shown = {name: scoreboard[name] for name in ("cycle", "items", "totals")}
        if shown == self._newest:
            return None
        self._etag, self._newest = answer.headers.get("ETag"), shown
        return self._board(scoreboard["cycle"], scoreboard["items"], grade=scoreboard["totals"]["grade"])

    @property
    def _moment(self) -> dict[str, str | None]:
        """The query that asks for the end of the day shown; nothing for now."""
        return {"as_of": self.as_of.isoformat() if self.as_of else None}

    def _board(self, cycle: Json, items: list[Json], *, grade: Json) -> Board:
        zone = ZoneInfo(self.organization["time_zone"])
        now = datetime.now(zone)
        day_shown = self.as_of or now.date()
        at = now if self.as_of is None else end_of(day_shown, zone)
        starts_on, ends_on = date.fromisoformat(cycle["starts_on"]), date.fromisoformat(cycle["ends_on"])
        days = (ends_on - starts_on).days + 1
        items = self._with_measures(items)
        self._refresh_sparks(items, until=min(at, end_of(ends_on, zone)))
        sections = by_team(items, self.teams)
        return Board(
            organization=self.organization["name"],
            cycle=cycle,
            grade=grade,
            day_shown=day_shown,
            is_now=self.as_of is None,
            day=min(max((day_shown - starts_on).days + 1, 0), days),
            days=days,
            sections=sections,
            team_grades=self._team_grades([team.id for team, _ in sections if team.id]),
            sparks={id: grades for id, (_, grades) in self._sparks.items()},
            people=self.people,
        )

    def _with_measures(self, items: list[Json]) -> list[Json]:
        """The items with targets, values and the like in their key results."""
        measures = current_measures(self.client, self.cycle_id)
        if self.as_of is not None:
            ids = [key_result["id"] for item in items for key_result in item["key_results"]]
            then = measures_of(self.client, ids, self.as_of.isoformat())
            grades = {one["id"]: {"grade": one["grade"]} for item in items for one in item["key_results"]}
            measures = {id: measures.get(id, {}) | measure | grades[id] for id, measure in then.items()}
        return [
            item | {"key_results": [one | measures.get(one["id"], {}) for one in item["key_results"]]} for item in items
        ]

    def _team_grades(self, ids: list[str]) -> dict[str, Json]:
        """What the cycle's objectives make of each team."""

        def one(id: str) -> Json:
            return self.client.get(f"/v1/teams/{id}/grade", cycle_id=self.cycle_id, **self._moment)

        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            return dict(zip(ids, threads.map(one, ids), strict=True))

    def _refresh_sparks(self, items: Iterable[Json], *, until: datetime) -> None:
        """Read the history of what has been graded since the last time."""
        subjects = [("objective", item["objective"]["id"], item["grade"]) for item in items]
        subjects += [("key_result", each["id"], each["grade"]) for item in items for each in item["key_results"]]
        wanted = [one for one in subjects if self._sparks.get(one[1], (None,))[0] != one[2]["computed_seq"]]

        def one(subject: tuple[str, str, Json]) -> tuple[str, int, list[float | None]]:
            kind, id, grade = subject
            history = self.client.items(
                "/v1/history",
                subject=f"{kind}:{id}",
                granularity="day",
                **{"from": (until - timedelta(weeks=WEEKS + 1)).isoformat(), "to": until.isoformat()},
            )
            return id, grade["computed_seq"], weekly(history, until)

        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            for id, seq, grades in threads.map(one, wanted):
                self._sparks[id] = seq, grades


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which the day is over."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def in_tree_order(teams: Iterable[Json]) -> list[Team]:
    """Parents before their children, siblings by name; a team whose parent is not to be seen stands at the root."""
    by_id = {team["id"]: team for team in teams}
    children: dict[str | None, list[Json]] = {}
    for team in by_id.values():
        parent_id = team["parent_id"] if team["parent_id"] in by_id else None
        children.setdefault(parent_id, []).append(team)
    ordered: list[Team] = []

    def visit(parent_id: str | None, ancestors: tuple[str, ...]) -> None:
        for team in sorted(children.get(parent_id, []), key=lambda team: str(team["name"])):
            ordered.append(Team(team["id"], team["name"], team["kind"], ancestors))
            visit(team["id"], (*ancestors, team["id"]))

    visit(None, ())
    return ordered


def by_team(items: Iterable[Json], teams: list[Team]) -> list[tuple[Team, list[Json]]]:
    """Scoreboard items by their team, in the order of the teams; those of unknown teams come last."""
    of_team: dict[str | None, list[Json]] = {}
    for item in items:
        of_team.setdefault(item["objective"]["team_id"], []).append(item)
    known = {team.id for team in teams}
    without = [item for team_id, items in of_team.items() if team_id not in known for item in items]
    shown = {id for team in teams if team.id in of_team for id in (team.id, *team.ancestors)}
    sections = [(team, of_team.get(team.id, [])) for team in teams if team.id in shown]
    return [*sections, (Team(None, "Without a team", ""), without)] if without else sections


def _choose_cycle(cycles: list[Json], wanted: str) -> str:
    by_start = sorted(cycles, key=lambda cycle: str(cycle["starts_on"]))
    match wanted:
        case "current":
            chosen = [cycle for cycle in by_start if cycle["state"] in ("active", "grading")]
        case "last":
            chosen = [cycle for cycle in by_start if cycle["state"] == "closed"]
        case _:
            chosen = [cycle for cycle in by_start if wanted in (cycle["id"], cycle["name"])]
    if not chosen:
        known = ", ".join(f"{cycle['name']} ({cycle['state']})" for cycle in by_start) or "there are none yet"
        if wanted in ("current", "last"):
            missing = "runs now" if wanted == "current" else "is closed yet"
            raise CommandFailed(f"no cycle {missing}: name one with --cycle; {known}")
        raise CommandFailed(f"no such cycle: {wanted}; {known}")
    return str(chosen[-1]["id"])
