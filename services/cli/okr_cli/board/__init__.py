"""The terminal board: a cycle's objectives and key results at a glance."""

from okr_cli.board.showing import command

__all__ = ["command"]
