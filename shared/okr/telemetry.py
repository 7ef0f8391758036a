"""Every figure the service exports, declared once, with unit and help. No organization's or object's id is ever a label.

A process exports its own figures only: a worker's that stand at zero in the API would look like a worker that does nothing.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

OF_API = CollectorRegistry()
OF_WORKER = CollectorRegistry()
for _registry in (OF_API, OF_WORKER):
    ProcessCollector(registry=_registry)
    PlatformCollector(registry=_registry)
    GCCollector(registry=_registry)

FRESHNESS = Histogram(
    "okr_freshness_seconds",
    "From the first unserved request for a subject's grade to the grade, by kind of subject.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
    registry=OF_WORKER,
)
GRADED = Counter("okr_graded_total", "Subjects graded, by kind.", ["kind"], registry=OF_WORKER)
SNAPSHOTS = Counter("okr_snapshots_total", "Snapshots written to history.", registry=OF_WORKER)
FENCED = Counter(
    "okr_fenced_total", "Grades thrown away because another worker had written one since the claim.", registry=OF_WORKER
)
SWEPT = Counter(
    "okr_swept_total",
    "Subjects that the sweeper served because no job came for them; near zero when all is well.",
    registry=OF_WORKER,
)
DRAIN_FAILURES = Counter(
    "okr_drain_failures_total",
    "Batches of demand that failed; their demand stays and is served again.",
    registry=OF_WORKER,
)
FAILED_CONDITIONS = Counter(
    "okr_failed_conditions_total",
    "Grades of which an adjustment was left out because its condition could not be evaluated; their explanations say which.",
    registry=OF_WORKER,
)
BROKEN_RULESETS = Counter(
    "okr_broken_rulesets_total",
    "Versions of rulesets that could not be read, once in each process; other rules hold in their place.",
    registry=OF_WORKER,
)
DOORBELL_FAILURES = Counter(
    "okr_doorbell_failures_total", "Rings that Redis did not take; the sweeper serves their demand.", registry=OF_API
)

HTTP_SECONDS = Histogram(
    "okr_http_request_seconds",
    "From a request's first byte to the end of its answer, by method, route template and status.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=OF_API,
)
PRUNED = Counter("okr_pruned_total", "Rows deleted because they had passed, by table.", ["table"], registry=OF_WORKER)
IDEMPOTENT_REPLAYS = Counter(
    "okr_idempotent_replays_total", "POSTs answered from an idempotency key's kept answer.", registry=OF_API
)

EVENTS_NUMBERED = Counter("okr_events_numbered_total", "Events that this process gave their position.", registry=OF_API)
EVENTS_PUBLISHED = Counter(
    "okr_events_published_total", "Events that this process put into the stream.", registry=OF_API
)
EVENTS_UNPUBLISHED = Gauge(
    "okr_events_unpublished",
    "Numbered events that are not in the stream yet; the same in each process.",
    registry=OF_API,
)
OLDEST_UNPUBLISHED_SECONDS = Gauge(
    "okr_events_unpublished_oldest_seconds",
    "Age of the oldest event that this process tried to publish last; 0 when all are in the stream.",
    registry=OF_API,
)
RELAY_FAILURES = Counter(
    "okr_event_relay_failures_total",
    "Looks at the outbox, or publications, that failed; each is tried again.",
    registry=OF_API,
)
