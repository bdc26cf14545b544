// The official OpenAI SDK before a gateway.

import assert from "node:assert/strict";

import OpenAI from "openai";
import { makeParseableResponseFormat } from "openai/lib/parser";

import { ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, Suite, WEATHER, behave, collect,
  described, requestsAt, thrownBy, whole } from "./cases.mjs";

const MODEL = "gpt-5";
// Reasoning models refuse `stop`; this one takes it.
const PLAIN_MODEL = "gpt-4.1";
const suite = new Suite("openai", "anthropic", "http_503");
const client = (url, maxRetries = 0) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test", maxRetries, fetch: suite.fetch });
const chat = client(LADDER).chat.completions;
const alone = client(ALONE).chat.completions;

const ask = (more = {}) => ({
  model: MODEL, messages: [{ role: "user", content: "Tell me about rivers." }], ...more,
});
const asking = (content, more = {}) => ask({ messages: [{ role: "user", content }], ...more });

// What must be equal, whoever answered.
function checked(completion) {
  assert.equal(completion.object, "chat.completion");
  assert.ok(completion.id && completion.model && completion.created > 0);
  if (completion.usage) {
    const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
    assert.ok(prompt_tokens > 0 && completion_tokens > 0);
    assert.equal(total_tokens, prompt_tokens + completion_tokens);
  }
  assert.equal(completion.choices.length, 1);
  const [{ message, finish_reason }] = completion.choices;
  assert.equal(message.role, "assistant");
  const calls = (message.tool_calls ?? []).map((call) => {
    assert.ok(call.id && call.type === "function");
    return [call.function.name, JSON.parse(call.function.arguments)];
  });
  return [finish_reason, message.content ?? null, message.refusal ?? null, calls];
}

async function create(asked) {
  const completion = await chat.create(asked);
  assert.ok(completion.usage, "no usage");
  return completion;
}

async function text(more) {
  const [reason, content] = checked(await create(ask(more)));
  assert.equal(reason, "stop");
  return whole(content);
}

// Checks the order of chunks and puts the answer together from them.
async function rawStream(asked) {
  const more = { stream: true, stream_options: { include_usage: true } };
  const chunks = await collect(await chat.create({ ...asked, ...more }));
  assert.equal(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.model}`)).size, 1);
  const { usage, choices } = chunks.pop();
  assert.ok(usage.completion_tokens > 0 && choices.length === 0);
  assert.ok(chunks.length > 2 && chunks.every((chunk) => !chunk.usage && chunk.choices.length === 1));
  const reasons = chunks.map((chunk) => chunk.choices[0].finish_reason);
  assert.ok(reasons.pop() && reasons.every((reason) => !reason), "an end that is not the end");
  let content = "";
  const calls = [];
  for (const { delta } of chunks.map((chunk) => chunk.choices[0])) {
    content += delta.content ?? "";
    for (const part of delta.tool_calls ?? []) {
      if (part.index === calls.length) calls.push([part.id, part.function.name, ""]);
      calls[part.index][2] += part.function.arguments ?? "";
    }
  }
  assert.equal(new Set(calls.map(([id]) => id)).size, calls.length);
  const said = calls.map(([, name, args]) => [name, JSON.parse(args)]);
  return [chunks.at(-1).choices[0].finish_reason, content, said];
}

const fn = (name, parameters) =>
  ({ type: "function", function: { name, description: `The ${name}.`, parameters } });
const TOOLS = [fn("weather", WEATHER), fn("stock", STOCK)];
const both = (more = {}) => asking("The weather and the stock, please.", { tools: TOOLS, ...more });

// The conversation with the results of the calls, as text and as parts.
function answered(asked, { role, content, tool_calls }) {
  const forms = ["sunny", [{ type: "text", text: "seven" }]];
  const results = tool_calls.map((call, nth) =>
    ({ role: "tool", tool_call_id: call.id, content: forms[nth] }));
  return { ...asked, messages: [...asked.messages, { role, content, tool_calls }, ...results] };
}

const names = (completion) =>
  completion.choices[0].message.tool_calls.map((call) => call.function.name);
const system = (...turns) => () => text({ messages: [
  ...turns.map(([role, content]) => ({ role, content })),
  { role: "user", content: "Tell me about the sea." }] });
const response_format =
  { type: "json_schema", json_schema: { name: "address", strict: true, schema: ADDRESS } };
const parseable = () => makeParseableResponseFormat(response_format, JSON.parse);

await suite.both({
  "unary text": () => text(),
  "streamed text, raw": async () => {
    const [reason, content] = await rawStream(ask());
    assert.equal(reason, "stop");
    return whole(content);
  },
  "streamed text, raw, no usage": async () => {
    const chunks = await collect(await chat.create(ask({ stream: true })));
    assert.ok(chunks.every((chunk) => !chunk.usage && chunk.choices.length === 1));
    return whole(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""));
  },
  "streamed text, .stream()": async () => {
    const pieces = [];
    const stream = chat.stream(ask({ stream_options: { include_usage: true } }));
    stream.on("content", (piece) => pieces.push(piece));
    const completion = await stream.finalChatCompletion();
    assert.ok(pieces.length > 1 && completion.usage);
    assert.equal(pieces.join(""), completion.choices[0].message.content);
    return checked(completion);
  },
  "image": () => text({ messages: [{ role: "user", content: [
    { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
    { type: "text", text: "What is this?" }] }] }),
  "one tool, chosen; result": async () => {
    const tool_choice = { type: "function", function: { name: "weather" } };
    const asked = asking("How is the weather?", { tools: TOOLS, tool_choice });
    const completion = await create(asked);
    assert.deepEqual(names(completion), ["weather"]);
    const second = { ...answered(asked, completion.choices[0].message), tool_choice: "auto" };
    return [checked(completion), checked(await create(second))];
  },
  "one call at a time": async () => {
    const asked = both({ parallel_tool_calls: false, tool_choice: "required" });
    const found = checked(await create(asked));
    assert.equal(found[3].length, 1);
    return found;
  },
  "parallel tools; results": async () => {
    const completion = await create(both());
    assert.deepEqual(names(completion), ["weather", "stock"]);
    const second = checked(await create(answered(both(), completion.choices[0].message)));
    assert.equal(second[0], "stop");
    return [checked(completion), second];
  },
  "parallel tools, streamed; results": async () => {
    const [reason, content, calls] = await rawStream(both());
    assert.equal(reason, "tool_calls");
    const completion = await chat.stream(both()).finalChatCompletion();
    assert.deepEqual(checked(completion)[3], calls);
    const second = await create(answered(both(), completion.choices[0].message));
    return [content, calls, checked(second)];
  },
  "system role": system(["system", "You are a poet."]),
  "developer role, parts": system(["developer", [{ type: "text", text: "You are a poet." }]]),
  "system and developer": system(["system", "You are a poet."], ["developer", "You like rivers."]),
  "developer turn in the conversation": () => text({ messages: [
    { role: "system", content: "You are a poet." }, { role: "user", content: "Hello." },
    { role: "assistant", content: "Good day." }, { role: "user", content: "Tell me about the sea." },
    { role: "developer", content: "Be brief from now on." }] }),
  "json_schema": async () => {
    const found = JSON.parse(checked(await create(ask({ response_format })))[1]);
    assert.deepEqual(Object.keys(found).sort(), ["number", "street", "tags"]);
    return found;
  },
  ".parse()": async () => {
    const completion = await chat.parse(ask({ response_format: parseable() }));
    assert.equal(typeof completion.choices[0].message.parsed.number, "number");
    return completion.choices[0].message.parsed;
  },
  ".stream() with a schema": async () => {
    const completion = await chat.stream(ask({ response_format: parseable() })).finalChatCompletion();
    assert.equal(typeof completion.choices[0].message.parsed.number, "number");
    return completion.choices[0].message.parsed;
  },
  "stop sequences": () => text({ model: PLAIN_MODEL, stop: ["\n\nHuman:", "STOP"] }),
  "reasoning_effort, max_completion_tokens": () =>
    text({ reasoning_effort: "high", max_completion_tokens: 4096 }),
  "reasoning_effort minimal": () => text({ reasoning_effort: "minimal" }),
  "raw response, request id, usage": async () => {
    const { data, response, request_id } = await chat.create(ask()).withResponse();
    assert.ok(request_id.startsWith("req_"));
    assert.equal(response.headers.get("x-request-id"), request_id);
    assert.equal(data._request_id, request_id);
    return checked(data);
  },
});

function down(model, symptom, shouldRetry, expected) {
  return async () => {
    await behave(symptom);
    const before = await requestsAt(DOWN_CONSOLE);
    const error = await thrownBy(() => client(DOWN, 1).chat.completions.create(ask({ model })));
    assert.ok(error instanceof expected, described(error));
    assert.equal(error.headers.get("x-should-retry"), shouldRetry);
    assert.ok(error.requestID && error.type);
    const requests = (await requestsAt(DOWN_CONSOLE)) - before;
    assert.equal(requests, shouldRetry === "true" ? 2 : 1);
    return `${described(error)}, ${requests} request(s)`;
  };
}

await suite.once("errors", {
  "everything down, worth a retry":
    down(MODEL, { symptom: "http_503" }, "true", OpenAI.InternalServerError),
  "limited for a minute, not worth a retry": down(PLAIN_MODEL,
    { symptom: "rate_limit", retry_after_s: 60 }, "false", OpenAI.RateLimitError),
});

await suite.once("broken stream", {
  "raw": async () => {
    await behave({ provider: "openai", symptom: "reset_mid_body" });
    let seen = "";
    const error = await thrownBy(async () => {
      for await (const chunk of await alone.create(ask({ stream: true }))) {
        seen += chunk.choices[0]?.delta.content ?? "";
      }
    });
    assert.ok(seen, "nothing came before the break");
    return described(error);
  },
  ".stream()": async () => {
    await behave({ provider: "openai", symptom: "reset_mid_body" });
    return described(await thrownBy(() => alone.stream(ask()).finalChatCompletion()));
  },
});
await suite.finish();
