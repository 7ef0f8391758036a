"""HTTP words: paths, headers, statuses. What a caller does lives in use_cases, SQL in okr.db."""
