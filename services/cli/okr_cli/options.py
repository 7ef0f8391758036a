"""The options of every command that talks to an API."""

from typing import Annotated

import typer

Url = Annotated[
    str | None, typer.Option("--url", help="The API's address [OKR_URL; else the `okr up` of this folder].")
]
ApiKey = Annotated[
    str | None, typer.Option("--api-key", help="The key to come in with [OKR_API_KEY; else that of `okr up`].")
]
