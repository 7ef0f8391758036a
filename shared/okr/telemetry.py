"""Every figure the service exports, declared once, with unit and help. No organization's or object's id is ever a label."""

from prometheus_client import Counter, Histogram

FRESHNESS = Histogram(
    "okr_freshness_seconds",
    "From the first unserved request for a subject's grade to the grade, by kind of subject.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
)
GRADED = Counter("okr_graded_total", "Subjects graded, by kind.", ["kind"])
SNAPSHOTS = Counter("okr_snapshots_total", "Snapshots written to history.")
FENCED = Counter("okr_fenced_total", "Grades thrown away because another worker had written one since the claim.")
SWEPT = Counter(
    "okr_swept_total", "Subjects that the sweeper served because no job came for them; near zero when all is well."
)
DRAIN_FAILURES = Counter(
    "okr_drain_failures_total", "Batches of demand that failed; their demand stays and is served again."
)
DOORBELL_FAILURES = Counter(
    "okr_doorbell_failures_total", "Rings that Redis did not take; the sweeper serves their demand."
)

HTTP_SECONDS = Histogram(
    "okr_http_request_seconds",
    "From a request's first byte to the end of its answer, by method, route template and status.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IDEMPOTENT_REPLAYS = Counter("okr_idempotent_replays_total", "POSTs answered from an idempotency key's kept answer.")
