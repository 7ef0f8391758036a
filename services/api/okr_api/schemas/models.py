"""The models that bodies are built on."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from okr.domain.values import Freshness, Provenance, Status
from okr_api.schemas.fields import ComputedNumber, one_of

# A field that a patch may leave out. The None is never looked at: absent and null are different things.
OMITTED: Any = Field(default=None)


def shown_as(**example: Any) -> ConfigDict:
    """The configuration of a model that OpenAPI shows with this example."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Schema(BaseModel):
    """Every body, in and out: fields that are not named are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_is_object(cls, value: object) -> object:
        """Refuse a number with a fraction: bodies are read by attributes too, and our Decimals do have attributes."""
        if isinstance(value, Decimal):
            raise PydanticCustomError("object_type", "must be an object")
        return value


class Patch(Schema):
    """A JSON merge patch (RFC 7396): a field left out stays, null clears. Declare each field `= OMITTED`.

    A field whose type has no None refuses null; arrays and objects inside are replaced as a whole.
    """

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, with their new values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Representation(Schema):
    """A thing as it is read."""

    def etag(self) -> str | None:
        """The entity tag, or None for what never changes."""
        return None

    def without_secrets(self) -> Self:
        """What may be kept of an answer, to be given again for the same idempotency key."""
        return self


class Versioned(Representation):
    """A thing that people change."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime

    def etag(self) -> str | None:
        """`"<version>.<requested_seq>.<computed_seq>"`; the last two are 0 for what has no grade."""
        return f'"{self.version}.0.0"'


class RulesetRead(Schema):
    """The rules that a grade was made under."""

    model_config = shown_as(key="standard", version=1)

    key: str
    version: int


class GradeRead(Schema):
    """The newest grade. `stale`: something was recorded that it does not include yet."""

    raw: ComputedNumber | None
    progress: ComputedNumber | None
    grade: ComputedNumber | None
    status: Annotated[str, one_of(Status)]
    label: str | None
    band: str | None
    expected: ComputedNumber | None
    freshness: Annotated[str, one_of(Freshness)]
    confidence: ComputedNumber | None
    coverage: ComputedNumber | None
    success_line: ComputedNumber | None
    provenance: Annotated[str, one_of(Provenance)]
    computed_grade: ComputedNumber | None
    ruleset: RulesetRead | None
    observed_at: datetime | None
    computed_at: datetime | None
    requested_seq: int
    computed_seq: int
    stale: bool
    reasons: list[str]


class Graded(Versioned):
    """A thing that has a grade."""

    grade: GradeRead

    def etag(self) -> str | None:
        """The version and where the grade stands: a new grade is a new tag, the version is what If-Match compares."""
        return f'"{self.version}.{self.grade.requested_seq}.{self.grade.computed_seq}"'
