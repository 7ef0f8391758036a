"""How many mutated rulesets a test draws: RULESET_EXAMPLES, which `make fuzz` sets, or a few."""

import os

EXAMPLES = int(os.environ.get("RULESET_EXAMPLES", "150"))
