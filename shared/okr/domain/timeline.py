"""What was in force when: from facts with dates to the inputs of a grade at one instant, and the instants worth grading.

Everything a grade depends on changes at known instants only: observations, revisions, ends of days, endings. Between two of
them a grade is constant, so grading each of them is grading every moment.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from okr.domain.calendar import day_ends, end_of_day, last_ended_day
from okr.domain.pace import expected_by
from okr.domain.periods import planned
from okr.domain.ruleset import Pace, Ruleset
from okr.domain.values import (
    Commitment,
    Freshness,
    Grade,
    KeyResultInputs,
    Kind,
    Level,
    Measure,
    Operand,
    Override,
    Part,
    Provenance,
    Reading,
    RollUpInputs,
    SubjectKind,
    Window,
)
from okr.domain.words import NO_WORDS, Word, Words

PERIOD_DAYS = {"daily": 1, "weekly": 7, "monthly": 31, "quarterly": 92}
_observed_at = attrgetter("observed_at")


class Observation(NamedTuple):
    """One thing seen at an instant: a metric's value, or what a check-in said. Later ones in a sequence win a tie."""

    observed_at: datetime
    value: Decimal | None = None
    zone: str | None = None
    milestone: str | None = None
    confidence: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """How a key result is measured from `valid_from` on; `feed` is its metric, None when people report."""

    revision: int
    valid_from: datetime
    measure: Measure
    weight: Decimal
    feed: UUID | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A subject's grades by rising `observed_at`, one per instant: the one at an instant holds until the next."""

    instants: tuple[datetime, ...] = ()
    grades: tuple[Grade, ...] = ()

    def at(self, instant: datetime) -> Grade | None:
        """The grade in force at the instant; None before the first."""
        index = bisect_right(self.instants, instant)
        return self.grades[index - 1] if index else None


@dataclass(frozen=True, slots=True)
class Frame:
    """The days around a subject: its first and last, in the organization's zone, and when a person ended it."""

    starts_on: date
    due_on: date
    zone: tzinfo
    closed_at: datetime | None = None
    ended_at: datetime | None = None

    def window(self, instant: datetime) -> Window:
        """How far the days have passed at the instant."""
        is_closed = self.closed_at is not None and instant >= self.closed_at
        return Window(self.starts_on, self.due_on, last_ended_day(instant, self.zone), is_closed)

    @property
    def last(self) -> datetime | None:
        """The instant after which nothing about the subject changes any more."""
        ends = [end for end in (self.closed_at, self.ended_at) if end is not None]
        return min(ends) if ends else None

    def is_after(self, end: datetime | None) -> bool:
        """Whether something that ended at `end` was over before the subject's first day: it never counted here."""
        return end is not None and end <= self.begins

    @property
    def begins(self) -> datetime:
        """The instant at which the first day begins."""
        return self.day(0)

    def day(self, number: int) -> datetime:
        """The instant at which the day begins that lies so many days after the first."""
        return end_of_day(self.starts_on + timedelta(days=number - 1), self.zone)

    def days_between(self, since: datetime, until: datetime) -> list[datetime]:
        """The ends of the subject's own days within [since, until]: its pace moves then."""
        first = max(since, end_of_day(self.starts_on, self.zone))
        return day_ends(first, min(until, end_of_day(self.due_on, self.zone)), self.zone)


@dataclass(frozen=True, slots=True)
class Child:
    """A child objective under a composite key result, until `until`."""

    id: str
    weight: Decimal
    timeline: Timeline
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyResultFacts:
    """All that is known of a key result. `points` by feed and `check_ins` rise by observed_at; versions by valid_from."""

    id: str
    commitment: Commitment
    frame: Frame
    versions: tuple[Version, ...]
    points: Mapping[UUID, Sequence[Observation]] = field(default_factory=dict)
    check_ins: Sequence[Observation] = ()
    operands: tuple["KeyResultFacts", ...] = ()
    children: tuple[Child, ...] = ()
    period_days: int = 7
    context: Mapping[str, Any] | None = None
    words: Words = NO_WORDS

    def version_at(self, instant: datetime) -> Version:
        """The version in force: the newest one valid by then, and before all of them the first."""
        index = bisect_right(self.versions, instant, key=attrgetter("valid_from"))
        return self.versions[max(index - 1, 0)]

    def reading_at(self, instant: datetime, *, with_periods: bool = False) -> Reading:
        """What was known at the instant, under the version in force; the values of all periods only where they are wanted."""
        version = self.version_at(instant)
        said = self.check_ins[: bisect_right(self.check_ins, instant, key=_observed_at)]
        confidence = next((seen.confidence for seen in reversed(said) if seen.confidence is not None), None)
        if version.measure.kind is Kind.COMPOSITE:
            return self._composite_reading(version, instant, confidence)
        if version.measure.kind is Kind.MILESTONE:
            since = version.valid_from if version is not self.versions[0] else None
            named = [
                seen for seen in said if seen.milestone is not None and (since is None or seen.observed_at >= since)
            ]
            done = frozenset(seen.milestone for seen in named if seen.milestone is not None)
            return Reading(done=done, confidence=confidence, observed_at=named[-1].observed_at if named else None)
        if version.measure.kind is Kind.ORDINAL:
            last = next((seen for seen in reversed(said) if seen.zone is not None), None)
        elif version.feed is not None:
            points = self.points.get(version.feed, ())
            index = bisect_right(points, instant, key=_observed_at)
            last = points[index - 1] if index else None
        else:
            last = next((seen for seen in reversed(said) if seen.value is not None), None)
        if last is None:
            return Reading(confidence=confidence)
        periods: tuple[Decimal | None, ...] = ()
        if with_periods and version.measure.kind is not Kind.ORDINAL:
            seen = said if version.feed is None else self.points.get(version.feed, ())
            periods = self._periods([one for one in seen if one.value is not None], instant)
        return Reading(last.value, last.zone, confidence=confidence, observed_at=last.observed_at, periods=periods)

    def _periods(self, seen: Sequence[Observation], instant: datetime) -> tuple[Decimal | None, ...]:
        """The last value of each period that had begun by the instant; none is carried over from an earlier one."""
        frame, found = self.frame, []
        count = planned(frame.window(instant), self.period_days)
        begins = [frame.day(number * self.period_days) for number in range(count + 1)]
        for begin, end in pairwise(begins):
            if begin > instant:
                break
            index = bisect_left(seen, end, key=_observed_at)
            upto = min(index, bisect_right(seen, instant, key=_observed_at))
            is_within = upto > 0 and seen[upto - 1].observed_at >= begin
            found.append(seen[upto - 1].value if is_within else None)
        return tuple(found)

    def _composite_reading(self, version: Version, instant: datetime, confidence: Decimal | None) -> Reading:
        wanted = version.measure.formula.of if version.measure.formula is not None else ()
        by_id = {facts.id: facts for facts in self.operands}
        readings = {id: by_id[id].reading_at(instant) for id in wanted if id in by_id}
        operands = [Operand(id, reading.value) for id, reading in readings.items()]
        # As old as its oldest operand; a child objective that is fresh is as good as seen just now.
        seen = [reading.observed_at for reading in readings.values() if reading.observed_at is not None]
        for child in self.children:
            if child.until is None or instant < child.until:
                grade = child.timeline.at(instant)
                operands.append(Operand(child.id, grade.grade if grade else None, child.weight))
                if grade is not None and grade.freshness is Freshness.FRESH:
                    seen.append(instant)
        return Reading(operands=tuple(operands), confidence=confidence, observed_at=min(seen, default=None))

    def inputs_at(self, instant: datetime, rules: Ruleset) -> tuple[KeyResultInputs, Version]:
        """The inputs of the grade at the instant, as far as the rules look at them, and the version they come from."""
        version = self.version_at(instant)
        return (
            KeyResultInputs(
                instant=instant,
                measure=version.measure,
                reading=self.reading_at(instant, with_periods=rules.reads_periods(version.measure.kind)),
                commitment=self.commitment,
                window=self.frame.window(instant),
                period_days=self.period_days,
                override=self._override_at(instant),
                context=self.context if rules.adjusts(Level.KEY_RESULT) else None,
            ),
            version,
        )

    def _override_at(self, instant: datetime) -> Override | None:
        word = self.words.standing_at(instant)
        if word is None:
            return None
        return word.as_override(has_newer_evidence=self._has_newer_evidence(word, instant))

    def _has_newer_evidence(self, word: Word, instant: datetime) -> bool:
        """Whether anything it is measured by was observed after the word: of a composite its operands' and children's values."""
        version = self.version_at(instant)
        if version.measure.kind is not Kind.COMPOSITE:
            seen = [self.reading_at(instant).observed_at]
        else:
            wanted = version.measure.formula.of if version.measure.formula is not None else ()
            seen = [facts.reading_at(instant).observed_at for facts in self.operands if facts.id in wanted]
        if any(observed_at > word.made_at for observed_at in seen if observed_at is not None):
            return True
        return any(
            self.words.has_moved(child.id, child.timeline.at, since=word, at=instant)
            for child in self.children
            if child.until is None or instant < child.until
        )

    def moments(self, since: datetime, until: datetime) -> set[datetime]:
        """The instants within [since, until] at which what is known of the key result changes."""
        found = set(_within(self.check_ins, since, until))
        for version in self.versions:
            if version.feed is not None:
                found.update(_within(self.points.get(version.feed, ()), since, until))
        others = [version.valid_from for version in self.versions[1:]]
        for child in self.children:
            others += [*child.timeline.instants, *_present(child.until)]
        others += self.words.moments()
        found.update(moment for moment in others if since <= moment <= until)
        for operand in self.operands:
            found |= operand.moments(since, until)
        return found


@dataclass(frozen=True, slots=True)
class Member:
    """A child of a roll-up. It counts within (`since`, `until`]; an end by a person, `ended_at`, no longer counts it.

    `weights` are its weights by rising instant, the first also before it. `contributes_to` names the objectives it is aligned
    to, each with the end of that alignment: where one of them is in the same set, the member counts there and not twice. With
    a `frame` its pace is that of the instant, not that of its last grade.
    """

    kind: SubjectKind
    id: str
    weights: tuple[tuple[datetime | None, Decimal], ...]
    since: datetime | None = None
    until: datetime | None = None
    ended_at: datetime | None = None
    is_guardrail: bool = False
    contributes_to: tuple[tuple[str, datetime | None], ...] = ()
    frame: Frame | None = None

    def counts_at(self, instant: datetime) -> bool:
        """Whether it is part of the set at the instant, alignments left aside."""
        return (
            (self.since is None or instant > self.since)
            and (self.until is None or instant <= self.until)
            and (self.ended_at is None or instant < self.ended_at)
        )

    def contributes_at(self, instant: datetime, ids: set[str]) -> bool:
        """Whether it counts through one of the objectives `ids` at the instant."""
        return any(id in ids and (end is None or instant < end) for id, end in self.contributes_to)

    def part_at(self, instant: datetime, grade: Grade | None, pace: Pace) -> Part:
        """The member as it stood at the instant, with the grade in force then and, by its own days, the pace's expectation."""
        weight = self.weights[0][1]
        for since, later in self.weights[1:]:
            if since is None or since <= instant:
                weight = later
        if grade is None:
            return Part(self.kind, self.id, weight, is_guardrail=self.is_guardrail)
        # A guardrail counts by whether it holds, and there too a person's word stands above what was measured.
        is_overridden_guardrail = self.is_guardrail and grade.provenance is Provenance.OVERRIDE
        return Part(
            kind=self.kind,
            id=self.id,
            weight=weight,
            raw=grade.grade if is_overridden_guardrail else grade.raw,
            progress=grade.progress,
            grade=grade.grade,
            expected=expected_by(self.frame.window(instant), pace) if self.frame else grade.expected,
            confidence=grade.confidence,
            coverage=grade.coverage,
            freshness=grade.freshness,
            is_guardrail=self.is_guardrail,
        )


@dataclass(frozen=True, slots=True)
class RollUpFacts:
    """All that is known of an objective, team, cycle or organization. Without a `frame` it has no days of its own.

    `timelines` are those of the members, in their order.
    """

    members: tuple[Member, ...]
    timelines: tuple[Timeline, ...]
    zone: tzinfo
    commitment: Commitment | None = None
    frame: Frame | None = None
    context: Mapping[str, Any] | None = None
    words: Words = NO_WORDS

    def inputs_at(self, instant: datetime, rules: Ruleset) -> RollUpInputs:
        """The inputs of the grade at the instant, as far as the rules look at them."""
        counting = [
            (member, timeline)
            for member, timeline in zip(self.members, self.timelines, strict=True)
            if member.counts_at(instant)
        ]
        ids = {member.id for member, _ in counting}
        return RollUpInputs(
            instant=instant,
            parts=tuple(
                member.part_at(instant, timeline.at(instant), rules.pace)
                for member, timeline in counting
                if not (member.contributes_to and member.contributes_at(instant, ids))
            ),
            commitment=self.commitment,
            window=self.frame.window(instant) if self.frame else None,
            override=self._override_at(instant),
            context=self.context if rules.adjustments else None,
        )

    def _override_at(self, instant: datetime) -> Override | None:
        """The word in force. What was measured of a member since it was said is newer evidence; a member's own word is none."""
        word = self.words.standing_at(instant)
        if word is None:
            return None
        has_newer_evidence = any(
            self.words.has_moved(member.id, timeline.at, since=word, at=instant)
            for member, timeline in zip(self.members, self.timelines, strict=True)
            if member.counts_at(instant)
        )
        return word.as_override(has_newer_evidence=has_newer_evidence)

    def endings(self) -> set[datetime]:
        """The instants at which a member's weight changes or it ceases to count, or a word begins or ceases to stand."""
        found = self.words.moments()
        for member in self.members:
            found.update(_present(member.ended_at, *(since for since, _ in member.weights)))
            found.update(_present(*(end for _, end in member.contributes_to)))
        return found


def _within(seen: Sequence[Observation], since: datetime, until: datetime) -> Iterator[datetime]:
    # From the end: what is graded again is mostly the newest.
    for observation in reversed(seen):
        if observation.observed_at < since:
            return
        if observation.observed_at <= until:
            yield observation.observed_at


def _present(*instants: datetime | None) -> list[datetime]:
    return [instant for instant in instants if instant is not None]
