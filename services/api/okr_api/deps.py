"""What a process serves its requests with. Tests may put in a bell of their own; everything else is the real thing."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from okr.db.partitions import Partitions
from okr.db.point_columns import MetricIds
from okr.db.readers import Readers
from okr.db.writers import Writers
from okr.settings import Settings
from okr_api.auth import Authenticator
from okr_api.cursors import Cursors
from okr_api.relay import Relay


class Bell(Protocol):
    """Wakes the workers. Ringing neither blocks nor fails."""

    async def start(self) -> None:
        """Begin to pass on rings."""

    def ring(self, organization_id: UUID) -> None:
        """This organization has demand."""

    async def close(self) -> None:
        """Stop."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The process's connections and secrets' users.

    `engine` is for changes, `writers` for what comes in by the thousands, `readers` for reads, each in its own transaction.
    """

    settings: Settings
    engine: AsyncEngine
    readers: Readers
    writers: Writers
    bell: Bell
    relay: Relay
    authenticator: Authenticator
    cursors: Cursors
    metric_ids: MetricIds
    partitions: Partitions = field(default_factory=Partitions)
