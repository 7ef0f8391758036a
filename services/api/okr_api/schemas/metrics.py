"""The catalogue of metrics on the wire."""

from typing import Literal

from okr.db.metrics import MetricView
from okr_api.lists import Items
from okr_api.schemas.fields import Flag, Key, Name, ShortText
from okr_api.schemas.models import OMITTED, Patch, Schema, Versioned, shown_as

Direction = Literal["up", "down"]
Frequency = Literal["daily", "weekly", "monthly", "quarterly"]


class MetricPut(Schema):
    """All of a metric; what is left out gets its default. The name is the key if left out, the key the address's."""

    model_config = shown_as(name="Share of bookings changed online", unit="%", direction="up", frequency="weekly")

    key: Key | None = None
    name: Name | None = None
    unit: ShortText | None = None
    direction: Direction = "up"
    is_core: Flag = False
    source: ShortText | None = None
    frequency: Frequency = "weekly"


class MetricCreate(MetricPut):
    """A new metric. Its key names it for ever; the name is the key if left out."""

    model_config = shown_as(
        key="self-service-share",
        name="Share of bookings changed online",
        unit="%",
        direction="up",
        is_core=True,
        source="booking-system",
        frequency="weekly",
    )

    key: Key


class MetricPatch(Patch):
    """What may change of a metric; the key may not."""

    model_config = shown_as(frequency="daily")

    name: Name = OMITTED
    unit: ShortText | None = OMITTED
    direction: Direction = OMITTED
    is_core: Flag = OMITTED
    source: ShortText | None = OMITTED
    frequency: Frequency = OMITTED


class MetricRead(Versioned):
    """A number that the company watches. `direction` says which way is good, `frequency` how often a value is expected."""

    key: Key
    name: Name
    unit: ShortText | None
    direction: Direction
    is_core: bool
    source: ShortText | None
    frequency: Frequency


class MetricList(Items[MetricRead]):
    """One page of metrics."""


def metric_read(view: MetricView) -> MetricRead:
    """The metric as it is answered."""
    return MetricRead.model_construct(
        id=view.id,
        version=view.version,
        created_at=view.created_at,
        updated_at=view.updated_at,
        key=view.key,
        name=view.name,
        unit=view.unit,
        direction=view.direction,
        is_core=view.is_core,
        source=view.source,
        frequency=view.frequency,
    )
