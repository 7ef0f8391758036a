"""What every process reads from its environment: `OKR_…` variables, one class, no other source of configuration."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Configuration of API, worker and command line.

    `database_url` names the application's role, which can neither change tables nor rewrite history;
    `database_owner_url` the owner's, used by migrations and partition upkeep only (default: `database_url`).
    """

    model_config = SettingsConfigDict(env_prefix="OKR_", extra="ignore", secrets_dir=None)

    database_url: str = "postgresql://okr_app@localhost/okr"
    database_owner_url: str | None = None
    redis_url: str = "redis://localhost:6379/0"
    secret_key: SecretStr = Field(min_length=32, description="Signs cursors and keys the API keys' HMAC.")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    database_pool_size: int = Field(default=10, ge=1, le=200)
    cors_origins: Annotated[list[str], NoDecode] = []
    log_level: str = "INFO"
    log_format: str = Field(default="json", pattern="^(json|console)$")
    doorbell_interval_seconds: float = Field(default=0.03, gt=0, le=5)
    sweep_interval_seconds: float = Field(default=0.5, gt=0, le=60)
    sweep_after_seconds: float = Field(default=1.0, gt=0, le=600)
    lease_seconds: float = Field(default=2.0, gt=0, le=60)
    rollup_distance_seconds: float = Field(
        default=1.0, ge=0, le=3600, description="The least time between two grades of a team, cycle or organization."
    )
    stream_length: int = Field(
        default=100_000, ge=1000, le=100_000_000, description="How many events the stream in Redis keeps, about."
    )
    events_kept_days: float = Field(
        default=7, gt=0, le=3660, description="How long an event can be pulled after it was written."
    )
    heartbeat_path: Path | None = None
    worker_metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Where the worker exports its figures."
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def split_origins(cls, value: object) -> object:
        """Accept `https://a.example,https://b.example`."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @property
    def owner_url(self) -> str:
        """The URL that migrations use."""
        return self.database_owner_url or self.database_url


@lru_cache
def settings() -> Settings:
    """Settings of this process, read once."""
    return Settings()  # secret_key comes from the environment
