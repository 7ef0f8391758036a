// Shows an organization's active objectives and follows their grades. No dependency but types, which are made once, by
//
//     npx openapi-typescript $OKR_URL/openapi.json --default-non-nullable false --output okr.ts
//
// and the program runs as it is (node 22 and newer leave the types out by themselves):
//
//     OKR_URL=http://127.0.0.1:8000 OKR_API_KEY=okr_live_… node watch.ts
//
// OKR_WATCH_SECONDS and OKR_WATCH_CHANGES end it after so many seconds or changes. Without them it goes on.
import type { components } from "./okr.ts";

type Objective = components["schemas"]["ObjectiveRead"];
type Events = components["schemas"]["EventList"];
type ObjectiveList = components["schemas"]["ObjectiveList"];
type Problem = components["schemas"]["Problem"];

const { OKR_URL = "http://127.0.0.1:8000", OKR_API_KEY = "", OKR_WATCH_SECONDS, OKR_WATCH_CHANGES } = process.env;
const PAUSE_MS = 500;

class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail} (request ${problem.request_id})`);
    this.problem = problem;
  }
}

/** What a path answers; undefined if it has not changed since `etag`. */
async function get<Answer>(path: string, etag?: string): Promise<{ body: Answer; etag: string } | undefined> {
  const headers: Record<string, string> = { Authorization: `Bearer ${OKR_API_KEY}` };
  if (etag) headers["If-None-Match"] = etag;
  const response = await fetch(OKR_URL + path, { headers });
  if (response.status === 304) return undefined;
  if (!response.ok) throw new Refused((await response.json()) as Problem);
  return { body: (await response.json()) as Answer, etag: response.headers.get("ETag") ?? "" };
}

/** All ids of active objectives, page after page. */
async function activeObjectives(): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ state: "active", limit: "200", ...(cursor ? { cursor } : {}) });
    const page: ObjectiveList = (await get<ObjectiveList>(`/v1/objectives?${query}`))!.body;
    ids.push(...page.items.map((item) => item.id));
    cursor = page.next_cursor;
  } while (cursor);
  return ids;
}

function line({ title, grade }: Objective): string {
  const figure = grade.grade === null ? "  –  " : grade.grade.toFixed(3);
  return `${figure}  ${grade.status.padEnd(9)}  ${title}`;
}

/** Where reading events begins: taken before the state is read, so that nothing falls between the two. */
async function now(): Promise<string> {
  return (await get<Events>("/v1/events?from=now&limit=1"))!.body.next_cursor;
}

const seen = new Map<string, { text: string; etag: string }>();

/** Read an objective and print it if it looks different from before. Answers whether it did. */
async function show(id: string): Promise<boolean> {
  const before = seen.get(id);
  const read = await get<Objective>(`/v1/objectives/${id}`, before?.etag);
  if (!read) return false;
  const text = line(read.body);
  seen.set(id, { text, etag: read.etag });
  if (text === before?.text) return false;
  console.log(text);
  return true;
}

let cursor = await now();
for (const id of await activeObjectives()) await show(id);
console.log("watching");

const end = OKR_WATCH_SECONDS ? Date.now() + Number(OKR_WATCH_SECONDS) * 1000 : Infinity;
let left = OKR_WATCH_CHANGES ? Number(OKR_WATCH_CHANGES) : Infinity;
while (left > 0 && Date.now() < end) {
  let page: Events;
  try {
    page = (await get<Events>(`/v1/events?limit=200&cursor=${encodeURIComponent(cursor)}`))!.body;
  } catch (error) {
    // Away for longer than events are kept: begin anew.
    if (!(error instanceof Refused) || error.problem.code !== "events_pruned") throw error;
    cursor = await now();
    for (const id of await activeObjectives()) await show(id);
    continue;
  }
  cursor = page.next_cursor;
  const touched = new Set(page.items.map((event) => event.subject).filter((subject) => subject.startsWith("objective:")));
  for (const subject of touched) {
    if (await show(subject.slice("objective:".length))) left -= 1;
  }
  if (page.items.length === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
