"""What goals are called: longer than a name, for a title says what will be different, and in one line."""

from typing import Annotated

from pydantic import Strict, StringConstraints

Title = Annotated[
    str, Strict(), StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
]
