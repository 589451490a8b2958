// OpenAI's npm package, unchanged, against a real server; openai_npm_test.py starts it and its upstream.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const { SWITCHYARD_URL, SWITCHYARD_KEY, SWITCHYARD_VIEWER_KEY, UPSTREAM_URL, NPM_FOLDER } = process.env;
const OpenAI = createRequire(`${NPM_FOLDER}/package.json`)("openai");

const connect = (options = {}) =>
  new OpenAI({ baseURL: `${SWITCHYARD_URL}/v1`, apiKey: SWITCHYARD_KEY, maxRetries: 0, ...options });
const client = connect();
const ask = (text, more = {}, options = {}, asker = client) =>
  asker.chat.completions.create({ model: "helper", messages: [{ role: "user", content: text }], ...more }, options);

/** How the upstream stands: how often it was asked, and whether somebody hung up on it. */
const upstream = async (order = {}) =>
  (await fetch(`${UPSTREAM_URL}/test`, { method: "POST", body: JSON.stringify(order) })).json();

const record = async (completion) => {
  const answer = await fetch(`${SWITCHYARD_URL}/api/v1/decisions/${completion.id.replace("chatcmpl-", "")}/record`, {
    headers: { Authorization: `Bearer ${SWITCHYARD_KEY}` },
  });
  assert.equal(answer.status, 200);
  return answer.json();
};

test("chat is answered and is a decision with its cost", async () => {
  const completion = await ask("say good morning", { temperature: 0 });
  assert.equal(completion.choices[0].message.content, "good morning");
  assert.equal(completion.choices[0].finish_reason, "stop");
  assert.deepEqual(
    [completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens], [3, 2, 5]);
  assert.ok(completion._request_id, "the package shows the request's id");
  const decided = await record(completion);
  assert.equal(decided.pipeline, "calls/helper");
  assert.equal(decided.cost, 3 + 2 * 2);
});

test("a stream comes in pieces, with its usage at the end", async () => {
  const stream = await ask("slow one two three", { stream: true, stream_options: { include_usage: true } });
  const pieces = [];
  const times = [];
  let usage = null;
  for await (const chunk of stream) {
    times.push(performance.now());
    if (chunk.choices.length > 0) pieces.push(chunk.choices[0].delta.content ?? "");
    else usage = chunk.usage;
  }
  assert.deepEqual(pieces.join("").trim().split(" "), ["one", "two", "three"]);
  assert.equal(usage.completion_tokens, 3);
  // The upstream waits 0.2 s between pieces: whoever gathers them first cannot give the first so early.
  assert.ok(times.at(-1) - times[0] > 400);
});

test("the package's own gathering of a stream works", async () => {
  const runner = client.chat.completions.stream({ model: "helper", messages: [{ role: "user", content: "say a b" }] });
  const heard = [];
  runner.on("content", (delta) => heard.push(delta));
  const whole = await runner.finalChatCompletion();
  assert.equal(whole.choices[0].message.content.trim(), "a b");
  assert.equal(heard.join("").trim(), "a b");
});

test("calls of tools pass through, whole and streamed", async () => {
  const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
  const completion = await ask("tools", { tools });
  const call = completion.choices[0].message.tool_calls[0];
  assert.equal(completion.choices[0].finish_reason, "tool_calls");
  assert.equal(call.function.name, "weather");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "Bonn" });
  const calls = [];
  for await (const chunk of await ask("tools", { tools, stream: true })) calls.push(...(chunk.choices[0].delta.tool_calls ?? []));
  assert.equal(calls[0].index, 0);
  assert.equal(calls[0].function.name, "weather");
});

test("embeddings are the same packed in base64, which the package asks for by itself, and as numbers", async () => {
  const packed = await client.embeddings.create({ model: "embedder", input: ["one", "two"] });
  const plain = await client.embeddings.create({ model: "embedder", input: ["one", "two"], encoding_format: "float" });
  assert.equal(packed.data.length, 2);
  packed.data.forEach((item, at) => {
    assert.equal(item.embedding.length, 8);
    item.embedding.forEach((value, i) => assert.ok(Math.abs(value - plain.data[at].embedding[i]) < 1e-6));
  });
  assert.equal(packed.usage.prompt_tokens, 2);
});

test("models are listed and found", async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes("helper") && names.includes("embedder"), names.join());
  assert.equal((await client.models.retrieve("helper")).id, "helper");
});

test("errors are those the package knows", async () => {
  await assert.rejects(connect({ apiKey: "sy_wrong" }).models.list(), OpenAI.AuthenticationError);
  await assert.rejects(ask("say x", {}, {}, connect({ apiKey: SWITCHYARD_VIEWER_KEY })), OpenAI.PermissionDeniedError);
  await assert.rejects(ask("say x", { model: "nobody" }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.deepEqual([error.status, error.code, error.param], [404, "model_not_found", "model"]);
    return true;
  });
  await assert.rejects(ask("say x", { messages: [] }), (error) => error instanceof OpenAI.BadRequestError && error.param === "messages");
  await assert.rejects(ask("fail 500"), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.headers.get("x-should-retry"), "false");
    assert.ok(error.requestID);
    return true;
  });
});

test("a limit is told as such, and the package tries again as it was told", async () => {
  await assert.rejects(ask("fail 429"), OpenAI.RateLimitError);
  await upstream({ fail_next: [[429, { "Retry-After": "1" }]] });
  const began = performance.now();
  const completion = await ask("say at last", {}, {}, connect({ maxRetries: 2 }));
  assert.equal(completion.choices[0].message.content, "at last");
  assert.ok(performance.now() - began > 900, "Retry-After was not waited for");
  assert.equal((await upstream()).asked, 2);
});

test("a stream that breaks off is an error and never a short answer", async () => {
  const seen = [];
  await assert.rejects(async () => {
    for await (const chunk of await ask("cut 2 words", { stream: true })) seen.push(chunk);
  }, OpenAI.APIError);
  assert.equal(seen.length, 2);
});

test("who aborts ends the call", async () => {
  await upstream();
  const controller = new AbortController();
  const stream = await ask("slow " + "word ".repeat(50), { stream: true }, { signal: controller.signal });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    controller.abort();
  }
  assert.ok((await upstream({ wait_for_hang_up: 10 })).hung_up, "the server went on talking to nobody");
  const aborted = new AbortController();
  setTimeout(() => aborted.abort(), 200);
  await assert.rejects(ask("hang 2", {}, { signal: aborted.signal }), OpenAI.APIUserAbortError);
});
