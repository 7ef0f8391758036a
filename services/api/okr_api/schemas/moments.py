"""Instants to look at the past from: to the microsecond, or a day."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Query

from okr_api.schemas.fields import Day, Instant

Moment = Instant | Day

AsOf = Annotated[
    Moment | None,
    Query(description="The instant whose grade is asked for; a day means its end, in the organization's time zone."),
]
KnownAt = Annotated[
    Moment | None, Query(description="Leave out what was learned later; a day means its end, as in `as_of`.")
]
From = Annotated[Moment | None, Query(alias="from", description="The first instant, or the first day.")]
To = Annotated[Moment | None, Query(alias="to", description="The last instant, or the last day.")]

AnyMoment = datetime | date | None
