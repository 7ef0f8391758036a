"""A version comes into force and is retired. What that changes of grades is made anew by the run that it opens."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from okr.db import regrades, rulesets
from okr.db.engine import driver
from okr.db.work import Work
from okr.domain.errors import Invalid
from okr.domain.rule_versions import Term, VersionNotInForce, VersionState, begin_term, end_term
from okr.domain.rulebook import Scope
from okr.events import EventType
from okr_api.schemas.rulesets import Activation
from okr_api.use_cases.rulesets import Shown, event_of, lock_draft, parsed_or_unreadable

GRADED_AHEAD = timedelta(seconds=5)
"""Before a plan comes, workers may have graded by it already, whose clocks are ahead: where it is given up that is undone."""


class EffectiveInPast(Invalid):
    """Rules come into force now or later: grades of the past keep the rules that they were made under.

    Leave `effective_from` out, or put it ahead.
    """

    code = "effective_in_past"


async def activate_version(work: Work, shown: Shown, body: Activation) -> None:
    """Bring a draft into force, now or at an instant ahead; what held in its scope until then ends there.

    Opens the run that regrades what the version reaches. Raises VersionNotDraft, EffectiveInPast, RulesUnreadable.
    """
    if body.effective_from is not None and body.effective_from <= work.now:
        raise EffectiveInPast("Leave it out, or name an instant ahead.", pointer="/effective_from")
    connection = await driver(work.session)
    await rulesets.lock_rules(connection, work.organization_id)
    version = await lock_draft(connection, work, shown, None)
    assert version.document is not None, "read with its document"
    parsed_or_unreadable(version.document)  # it was when it was written; the service may have become stricter since
    ruleset = await rulesets.read_ruleset(connection, work.organization_id, shown.key)
    since = body.effective_from or work.now
    terms = await rulesets.terms_of(connection, work.organization_id, ruleset.scope)
    term, former = begin_term([term for term, _, _ in terms.values()], version.id, at=since)
    because = "scheduled" if body.effective_from else "activated"
    run_id = await _open_run(connection, work, ruleset.scope, ruleset.id, shown, because=because, since=since)
    await _end_former(connection, work, former, terms)
    await rulesets.update_version(
        connection,
        work.organization_id,
        version.id,
        now=work.now,
        activated_at=work.now,
        activated_by=work.actor,
        activation_reason=body.reason,
        effective_from=term.since,
        effective_until=term.until,
        run_id=run_id,
    )
    type = EventType.RULESET_SCHEDULED if body.effective_from else EventType.RULESET_CAME_INTO_FORCE
    data: dict[str, Any] = {"effective_from": since.isoformat(), "run_id": str(run_id)}
    work.announce(event_of(type, ruleset.id, None, key=shown.key, number=shown.number, **data))


async def retire_version(work: Work, shown: Shown, reason: str) -> None:
    """End a version: one in force now, so that the next scope's rules hold; a planned one before it comes.

    Raises VersionNotInForce.
    """
    connection = await driver(work.session)
    await rulesets.lock_rules(connection, work.organization_id)
    version = await rulesets.read_version(connection, work.organization_id, shown.key, shown.number, for_change=True)
    if version.state not in (VersionState.ACTIVE, VersionState.SCHEDULED):
        raise VersionNotInForce(f"This version is {version.state}: only one in force or scheduled can be retired.")
    ruleset = await rulesets.read_ruleset(connection, work.organization_id, shown.key)
    terms = await rulesets.terms_of(connection, work.organization_id, ruleset.scope)
    term, goes_on = end_term([term for term, _, _ in terms.values()], version.id, now=work.now)
    changes: dict[str, Any] = {}
    if term.is_empty:
        await regrades.cancel_planned(
            connection, work.organization_id, ruleset=shown.key, number=shown.number, now=work.now
        )
    if not term.is_empty or term.since <= work.now + GRADED_AHEAD:
        changes["run_id"] = await _open_run(
            connection, work, ruleset.scope, ruleset.id, shown, because="retired", since=max(work.now, term.since)
        )
    await rulesets.update_version(
        connection,
        work.organization_id,
        version.id,
        now=work.now,
        effective_until=term.until,
        retired_at=work.now,
        retired_by=work.actor,
        retirement_reason=reason,
        **changes,
    )
    if goes_on is not None:
        await rulesets.update_version(
            connection, work.organization_id, goes_on.id, now=work.now, effective_until=goes_on.until
        )
    work.announce(event_of(EventType.RULESET_RETIRED, ruleset.id, key=shown.key, number=shown.number))


async def _open_run(
    connection: asyncpg.Connection,
    work: Work,
    scope: Scope,
    ruleset_id: UUID,
    shown: Shown,
    *,
    because: str,
    since: datetime,
) -> UUID:
    return await regrades.open_regrade(
        connection,
        work.organization_id,
        scope=scope,
        ruleset_id=ruleset_id,
        ruleset=shown.key,
        number=shown.number,
        because=because,
        since=since,
        by=work.actor,
        now=work.now,
    )


async def _end_former(
    connection: asyncpg.Connection, work: Work, former: Term | None, terms: Mapping[UUID, tuple[Term, str, int]]
) -> None:
    if former is None:
        return
    await rulesets.update_version(
        connection, work.organization_id, former.id, now=work.now, effective_until=former.until
    )
    if former.is_empty:
        _, key, number = terms[former.id]
        await regrades.cancel_planned(connection, work.organization_id, ruleset=key, number=number, now=work.now)
