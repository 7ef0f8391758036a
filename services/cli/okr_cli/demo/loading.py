"""Loading the demo company: HTTP requests only, some at a time, each safe to send again."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from okr_cli.client import Client, Json
from okr_cli.demo import closed, company, directory, goals, story
from okr_cli.demo.metrics import METRICS
from okr_cli.demo.plan import Plan, Point, Quarter, make_plan, quarter_of
from okr_cli.demo.settling import wait_until_graded
from okr_cli.errors import CommandFailed

Progress = Callable[[str], None]

_POINTS_AT_A_TIME = 2500
_THERE_ALREADY = ("created", "duplicate")


def today_at_the_company() -> date:
    """Today in the company's time zone."""
    return datetime.now(UTC).astimezone(ZoneInfo(company.TIME_ZONE)).date()


def load(client: Client, *, today: date, on_progress: Progress) -> None:
    """Bring the demo company into the organization of the key, and wait until all of it is graded.

    May be repeated: what is there stays, what is missing is made, and on the same day nothing changes. `today` is a day of
    the company's time zone. Raises CommandFailed when the organization has a life of its own, and ApiRefused.
    """
    plan = make_plan(_day_of_the_story(client, today))
    directory.rename_organization(client)
    people = directory.load_people(client)
    teams = directory.load_teams(client, people)
    on_progress(f"{company.NAME}: {len(people)} people in {len(teams)} teams")
    directory.load_metrics(client)
    on_progress(f"{len(METRICS)} metrics")
    # The running one is made first: by it a later loading knows which quarter the story began in.
    running_id = directory.load_cycle(client, plan.running)["id"]
    before_id = directory.load_cycle(client, plan.closed)["id"]
    turn = plan.closed.over_at

    # As in life: a quarter is closed before the values of the next one come in.
    before = goals.load_goals(client, before_id, plan.closed, closed.OBJECTIVES, people=people, teams=teams)
    _tell(client, plan, before, people=people, points=plan.points_until(turn), on_progress=on_progress)
    wait_until_graded(client)
    if directory.is_open(client, before_id):
        goals.close(client, before)
        on_progress(f"{plan.closed.name} is closed")

    running = goals.load_goals(client, running_id, plan.running, story.RUNNING, people=people, teams=teams)
    _tell(client, plan, running, people=people, points=plan.points_since(turn), on_progress=on_progress)
    wait_until_graded(client)
    _push(client, (*plan.late_points, *plan.corrections))
    for revision in story.REVISIONS:
        goals.revise(client, running, revision)
    wait_until_graded(client)
    on_progress("everything is graded")


def _tell(
    client: Client,
    plan: Plan,
    told: goals.Goals,
    *,
    people: directory.Ids,
    points: Sequence[Point],
    on_progress: Progress,
) -> None:
    """Send a cycle's values and check-ins."""
    on_progress(f"{told.quarter.name}: {len(told.objectives)} objectives, {len(told.key_results)} key results")
    wrong = set(plan.wrong_points)
    _push(client, [point for point in points if point not in wrong])
    # What has been corrected since cannot come in wrong a second time, and need not.
    _push(client, [point for point in points if point in wrong], may_be_refused=True)
    said = goals.say(client, told, plan, people=people)
    on_progress(f"{told.quarter.name}: {len(points)} values, {said} check-ins")


def _day_of_the_story(client: Client, today: date) -> date:
    """The day to tell the story for: today, or the last day of the quarter that it was first told in.

    A company that was loaded months ago stays in its quarters, rather than living through the same story twice.
    """
    today = min(today, today_at_the_company())  # where the clocks are ahead, tomorrow's values would be refused
    quarters = [Quarter(*_days(cycle)) for cycle in client.items("/v1/cycles")]
    if quarters and client.get("/v1/organization")["name"] != company.NAME:
        raise CommandFailed(
            "this organization has cycles of its own: load the demo company with the key of an empty one"
        )
    if not quarters or quarter_of(today) in quarters:
        return today
    return max(quarters, key=lambda quarter: quarter.starts_on).ends_on


def _days(cycle: Json) -> tuple[date, date]:
    return date.fromisoformat(cycle["starts_on"]), date.fromisoformat(cycle["ends_on"])


def _push(client: Client, points: Sequence[Point], *, may_be_refused: bool = False) -> None:
    """Send values in batches. Raises CommandFailed when one is refused."""
    for first in range(0, len(points), _POINTS_AT_A_TIME):
        batch = points[first : first + _POINTS_AT_A_TIME]
        results = client.post("/v1/metric-points", {"points": [_on_the_wire(point) for point in batch]})["results"]
        refused = [result for result in results if result["status"] not in _THERE_ALREADY]
        if refused and not may_be_refused:
            point, code = batch[refused[0]["index"]], refused[0]["code"]
            raise CommandFailed(f"the API refused {point.metric} of {point.observed_at.isoformat()}: {code}")


def _on_the_wire(point: Point) -> Json:
    body: Json = {
        "metric": point.metric,
        "value": point.value,
        "observed_at": point.observed_at.isoformat(),
        "source": point.source,
        "dedupe_key": point.dedupe_key,
    }
    return body | {"corrects": True} if point.corrects else body
