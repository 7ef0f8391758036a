"""Failures that a person at a terminal can do something about."""


class CommandFailed(Exception):
    """A command cannot go on. The text is one sentence for a person; `exit_code` is the process's answer."""

    def __init__(self, sentence: str, *, exit_code: int = 1) -> None:
        super().__init__(" ".join(sentence.split()))
        self.exit_code = exit_code
