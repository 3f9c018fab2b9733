// A round trip with the generated types: every operation that answers JSON, and each kind of error.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./advisor.js";

type Schemas = components["schemas"];

const baseUrl = "http://127.0.0.1:8080";
const client = createClient<paths>({ baseUrl });
const seen: Record<string, unknown> = {};

const known: Schemas["Profile"] = { prompt_engineering_sufficient: false, knowledge_retrieval_problem: true };
const current: Schemas["Profile"] = { ...known, real_time_data_needed: true };

const { data: decided } = await client.POST("/assess", { body: { profile: current } });
assert(decided?.recommendation);
assert.equal(decided.status satisfies "decided" | "undecided", "decided");
seen["decided"] = decided;

const { data: undecided } = await client.POST("/assess", { body: { profile: known } });
assert(undecided?.next_question);
seen["undecided"] = undecided;

const { data: wide } = await client.POST("/assess", {
  body: { profile: { kb_tokens: 1e12 }, tree_version: "2.0.0" },
});
seen["wide"] = wide;

const profiles = [{ real_time_data_needed: true }, {}, { real_time_data_needed: "yes" }];
const { data: batch } = await client.POST("/assess/batch", { body: { profiles, defaults: known } });
assert(batch?.results[2]?.errors);
seen["batch"] = batch;

const { data: explanation } = await client.POST("/assess/explain", {
  body: {
    profile: current,
    target: "use_prompt_engineering",
    frozen: ["knowledge_retrieval_problem"],
    limit: 3,
  },
});
assert.equal(explanation?.counterfactuals[0]?.changes[0]?.to, true);
seen["explanation"] = explanation;

const { data: tree, response: first } = await client.GET("/tree");
assert(tree?.questions[tree.root]);
seen["tree"] = tree;
const etag = first.headers.get("ETag");
assert(etag);
const again = await client.GET("/tree", { params: { header: { "If-None-Match": etag } } });
assert.equal(again.data, undefined);
seen["unchanged"] = again.response.status;

const { data: listed } = await client.GET("/tree/versions");
assert(listed?.versions[0]);
seen["versions"] = listed;
const path = { version: "3.0.0" } as const;
const { data: newer } = await client.GET("/tree/versions/{version}", { params: { path } });
seen["version"] = newer;

const since = decided.tree.version as Schemas["TreeVersion"];
const { data: changes } = await client.GET("/tree/versions/{version}/changes", {
  params: { path, query: { since } },
});
assert(changes?.moves);
seen["changes"] = changes;

const { data: meaning } = await client.GET("/problems/{slug}", {
  params: { path: { slug: "invalid-request" } },
});
seen["meaning"] = meaning;

function refused({ error, response }: { error?: Schemas["Problem"]; response: Response }): void {
  assert(error);
  assert.equal(error.status, response.status);
  seen[String(error.status)] = error;
}

const body = { profile: known };
refused(await client.POST("/assess", { body, bodySerializer: (whole) => JSON.stringify(whole).slice(0, -1) }));
const elsewhere = createClient<paths>({ baseUrl: `${baseUrl}/elsewhere` });
refused(await elsewhere.GET("/tree/versions/{version}", { params: { path } }));
refused(await client.POST("/assess", { body, headers: { Accept: "text/html" } }));
refused(await client.GET("/tree", { headers: { "If-Match": '"another"' } }));
refused(await client.POST("/assess/batch", { body: { profiles: ["x".repeat(9_000_000)] } }));
refused(await client.POST("/assess", { body, headers: { "Content-Type": "text/plain" } }));
const invalid = await client.POST("/assess", { body: { profile: { eval_examples: -1 } } });
assert.equal(invalid.error?.errors?.[0]?.pointer, "#/profile/eval_examples");
refused(invalid);

console.log(JSON.stringify(seen));
