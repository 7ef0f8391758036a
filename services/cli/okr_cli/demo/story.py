"""What did not go by the book in the running cycle: a raised target, a wrong value, values that came late."""

from okr_cli.demo import (
    running_commercial,
    running_company,
    running_guests,
    running_operations,
    running_support,
)
from okr_cli.demo.model import Mishap, Revision

RUNNING = (
    *running_company.OBJECTIVES,
    *running_commercial.OBJECTIVES,
    *running_operations.OBJECTIVES,
    *running_guests.OBJECTIVES,
    *running_support.OBJECTIVES,
)

REVISIONS = (
    Revision(
        running_commercial.KEPT_CARD,
        "Nightcard annual recurring revenue",
        (("target_value", 7.4),),
        reason="Two large company contracts came early; the old target would be reached without us.",
    ),
)

MISHAPS = (
    # The survey's export counted a weekend twice; the number was put right the next day.
    Mishap("guest_nps_28d", weeks_ago=2, wrong_by=11.4),
    # The workshop's list of that week had stayed in a drawer.
    Mishap("repair_days", weeks_ago=3),
)
