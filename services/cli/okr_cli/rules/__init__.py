"""`okr rulesets` and `okr runs`: calibration, and the long work that follows from it."""
