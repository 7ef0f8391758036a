// The main job by a typed client: types made from the OpenAPI document, requests by openapi-fetch.
import createClient from "openapi-fetch";
import type { components, paths } from "./okr.ts";

const { OKR_URL = "", OKR_API_KEY = "" } = process.env;
const api = createClient<paths>({ baseUrl: OKR_URL, headers: { Authorization: `Bearer ${OKR_API_KEY}` } });

function good<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const today = new Date();
const day = (ahead: number) => new Date(today.getTime() + ahead * 86_400_000).toISOString().slice(0, 10);

const person = good(await api.POST("/v1/people", { body: { name: "Ada Okafor" } }));
const cycle = good(await api.POST("/v1/cycles", { body: { name: "Now", starts_on: day(-30), ends_on: day(60) } }));
good(await api.POST("/v1/cycles/{cycle_id}/activate", { params: { path: { cycle_id: cycle.id } } }));
const metric = good(
  await api.POST("/v1/metrics", { body: { key: "share", unit: "%", direction: "up", frequency: "daily" } }),
);
const objective = good(
  await api.POST("/v1/objectives", {
    body: {
      title: "Guests change their bookings without calling us",
      commitment: "committed",
      cycle_id: cycle.id,
      owner_id: person.id,
      key_results: [
        { title: "Share", kind: "increase", start_value: 0, target_value: 100, metric_key: metric.key },
        { title: "Calls", kind: "decrease", start_value: 900, target_value: 500 },
      ],
    },
  }),
);
const path = { objective_id: objective.id };
good(await api.POST("/v1/objectives/{objective_id}/activate", { params: { path } }));

const pushed = good(
  await api.POST("/v1/metric-points", {
    params: { header: { Prefer: "wait=30" } },
    body: {
      points: [
        { metric: metric.key, value: 20, observed_at: `${day(-9)}T06:00:00Z` },
        { metric: metric.key, value: 60, observed_at: `${day(-2)}T06:00:00Z` },
        { metric: "unknown", value: 1 },
      ],
    },
  }),
);
const patched = good(
  await api.PATCH("/v1/objectives/{objective_id}", {
    params: { path, header: { "If-Match": "*", Prefer: "wait=30" } },
    body: { tags: ["guests"] },
  }),
);
const grade = good(await api.GET("/v1/objectives/{objective_id}/grade", { params: { path } }));
const history = good(
  await api.GET("/v1/history", { params: { query: { subject: `key_result:${objective.key_results[0]!.id}` } } }),
);
// It may also come as CSV, for those who ask for it.
if (typeof history === "string") throw new Error("no JSON");
const missing = await api.GET("/v1/objectives/{objective_id}", { params: { path: { objective_id: person.id } } });

console.log(
  JSON.stringify({
    results: pushed.results.map((one) => one.status),
    tags: patched.tags,
    grade: grade.grade,
    stale: grade.stale,
    history: history.items.map((item) => item.progress),
    missing: missing.error?.code,
  }),
);
