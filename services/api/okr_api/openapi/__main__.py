"""`python -m okr_api.openapi FILE` writes the OpenAPI document to FILE."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from okr.settings import Settings
from okr_api.app import create_app


def written() -> str:
    """The document as it is committed: one line a member, always in the same order."""
    made: dict[str, Any] = create_app(Settings(secret_key=SecretStr("not needed to describe the service"))).openapi()
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written(), encoding="utf-8")
