"""The demo company, Vesper Night Trains: it comes in over the public API, the way any company's own services would."""

from okr_cli.demo.living import live
from okr_cli.demo.loading import load

__all__ = ["live", "load"]
