"""What a patch really changes: saying again what is so already is no change, and raises no version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from okr.db.tables.columns import Resource


def differing(resource: Resource, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the changes that say something else than the resource does."""
    return {name: value for name, value in changes.items() if getattr(resource, name) != value}


def apply(resource: Resource, changes: Mapping[str, Any], *, now: datetime) -> None:
    """Write the changes and raise the version."""
    for name, value in changes.items():
        setattr(resource, name, value)
    resource.version += 1
    resource.updated_at = now
