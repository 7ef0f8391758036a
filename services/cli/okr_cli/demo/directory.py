"""The company itself: its name, people, teams, metrics and cycles."""

from collections.abc import Mapping

from okr_cli.client import Client, Json
from okr_cli.demo import company
from okr_cli.demo.finding import each, find_or_make, known_by, make, without_none
from okr_cli.demo.metrics import METRICS
from okr_cli.demo.model import Metric, Person
from okr_cli.demo.plan import Quarter

Ids = Mapping[str, str]


def rename_organization(client: Client) -> None:
    """Give the organization of the key the company's name and time zone."""
    wanted = {"name": company.NAME, "time_zone": company.TIME_ZONE}
    if _differs(client.get("/v1/organization"), wanted):
        client.patch("/v1/organization", wanted)


def load_people(client: Client) -> dict[str, str]:
    """Ids by handle."""
    known = known_by(client, "/v1/people", "external_id")

    def one(person: Person) -> Json:
        body = {
            "name": person.name,
            "email": f"{person.handle}@{company.MAIL_DOMAIN}",
            "external_id": person.handle,
        }
        return find_or_make(client, "/v1/people", body, known=known, by="external_id")

    return {person["external_id"]: person["id"] for person in each(company.PEOPLE, one)}


def load_teams(client: Client, people: Ids) -> dict[str, str]:
    """Ids by name; one after the other, because a team names its parent."""
    known = known_by(client, "/v1/teams", "name")
    ids: dict[str, str] = {}
    for team in company.TEAMS:
        body = without_none(
            name=team.name,
            kind=team.kind,
            parent_id=ids[team.parent] if team.parent else None,
            lead_id=people[team.lead],
        )
        ids[team.name] = find_or_make(client, "/v1/teams", body, known=known, by="name")["id"]
    return ids


def load_metrics(client: Client) -> None:
    """Put every metric into the catalogue; those that are there already are left alone."""
    known = known_by(client, "/v1/metrics", "key")

    def one(metric: Metric) -> None:
        body = {
            "name": metric.name,
            "unit": metric.unit,
            "direction": metric.direction,
            "is_core": metric.is_core,
            "source": metric.source,
            "frequency": metric.frequency,
        }
        if _differs(known.get(metric.key, {}), body):
            client.put(f"/v1/metrics/{metric.key}", body)

    each(METRICS, one)


def load_cycle(client: Client, quarter: Quarter) -> Json:
    """The cycle of that quarter, running at least; one that was closed before stays so."""
    cycle = known_by(client, "/v1/cycles", "name").get(quarter.name) or make(
        client,
        "/v1/cycles",
        {
            "name": quarter.name,
            "starts_on": quarter.starts_on.isoformat(),
            "ends_on": quarter.ends_on.isoformat(),
            "cadence": "quarter",
        },
    )
    return make(client, f"/v1/cycles/{cycle['id']}/activate", {}) if cycle["state"] == "draft" else cycle


def is_open(client: Client, cycle_id: str) -> bool:
    """Whether the cycle has not been closed."""
    return bool(client.get(f"/v1/cycles/{cycle_id}")["state"] != "closed")


def _differs(there: Json, wanted: Mapping[str, object]) -> bool:
    return any(there.get(field) != value for field, value in wanted.items())
