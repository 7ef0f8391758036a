"""Which instants to grade again, and which of the grades are news: history is what a reader could not have known before."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from okr.domain.grading import grade
from okr.domain.rulebook import RulesInForce
from okr.domain.timeline import KeyResultFacts, RollUpFacts, Timeline
from okr.domain.values import Grade, Inputs, KeyResultInputs, RollUpInputs, Status

_JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """The instants to grade now, rising; the last instant of all, whose grade is the current one; where to go on, if at all."""

    instants: tuple[datetime, ...]
    final: datetime
    next_from: datetime | None


@dataclass(frozen=True, slots=True)
class Regraded:
    """A grade at an instant with what it was made from; `revision` is the key result version's, None for roll-ups."""

    instant: datetime
    inputs: Inputs
    revision: int | None
    grade: Grade


@dataclass(frozen=True, slots=True)
class Rescored:
    """The current grade, and the grades that differ from what history said of their instant."""

    current: Regraded
    news: tuple[Regraded, ...]


def plan(
    candidates: Iterable[datetime],
    *,
    since: datetime,
    until: datetime,
    limit: int,
    complete_until: datetime | None = None,
) -> Plan:
    """At most `limit` of the candidates within [since, until], earliest first, none after `complete_until`.

    There is always a final instant: without a candidate it is `since`, or `until` if that is earlier.
    """
    ordered = sorted({moment for moment in candidates if since <= moment <= until}) or [min(since, until)]
    known = ordered if complete_until is None else [moment for moment in ordered if moment <= complete_until]
    if len(known) > limit:
        return Plan(tuple(known[:limit]), ordered[-1], known[limit - 1] + _JUST_AFTER)
    if complete_until is None or len(known) == len(ordered):
        return Plan(tuple(known), ordered[-1], None)
    # Not just after the last of them: where little happens that would lead from one microsecond to the next.
    return Plan(tuple(known), ordered[-1], max(since, complete_until + _JUST_AFTER))


def rescore(facts: KeyResultFacts | RollUpFacts, *, agenda: Plan, stored: Timeline, rules: RulesInForce) -> Rescored:
    """Grade every instant of the plan and its final one, each under the rules in force at that instant.

    A grade is news where a reader of history, who takes the newest snapshot at or before the instant, would read something
    else: another grade, or the same on another person's word. Nothing known yet is no news.
    """
    spoken = facts.words.moments()
    at_instant = dict(zip(stored.instants, stored.grades, strict=True))
    before = _before(stored, agenda.instants[0]) if agenda.instants else None
    news: list[Regraded] = []
    current: Regraded | None = None
    for instant in agenda.instants:
        current = _regrade(facts, instant, rules)
        read = at_instant.get(instant, before)
        if not _says_the_same(current.grade, read) or (instant in spoken and instant not in at_instant):
            news.append(current)
            before = current.grade
        else:
            before = read
    if current is None or current.instant != agenda.final:
        # The current grade is right at once; history gets it when it has come that far.
        current = _regrade(facts, agenda.final, rules)
    return Rescored(current, tuple(news))


def merged(stored: Timeline, rescored: Rescored) -> Timeline:
    """The stored timeline as it reads once the news are written."""
    current = rescored.current
    if stored.instants and stored.instants[-1] < current.instant and rescored.news in ((), (current,)):
        return Timeline((*stored.instants, current.instant), (*stored.grades, current.grade))
    grades = dict(_pairs(stored))
    grades.update((one.instant, one.grade) for one in (*rescored.news, current))
    ordered = sorted(grades)
    return Timeline(tuple(ordered), tuple(grades[instant] for instant in ordered))


def _regrade(facts: KeyResultFacts | RollUpFacts, instant: datetime, in_force: RulesInForce) -> Regraded:
    rules = in_force.at(instant)
    inputs: KeyResultInputs | RollUpInputs
    if isinstance(facts, KeyResultFacts):
        inputs, version = facts.inputs_at(instant, rules)
        return Regraded(instant, inputs, version.revision, grade(inputs, rules))
    inputs = facts.inputs_at(instant, rules)
    return Regraded(instant, inputs, None, grade(inputs, rules))


def _before(stored: Timeline, instant: datetime) -> Grade | None:
    index = bisect_left(stored.instants, instant)
    return stored.grades[index - 1] if index else None


def _pairs(timeline: Timeline) -> Iterator[tuple[datetime, Grade]]:
    return zip(timeline.instants, timeline.grades, strict=True)


def _says_the_same(new: Grade, read: Grade | None) -> bool:
    if read is None:
        return new.raw is None and new.confidence is None and new.status is Status.PENDING
    return new.says_the_same_as(read)
