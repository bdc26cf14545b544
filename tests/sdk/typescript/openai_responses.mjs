// The official OpenAI SDK's Responses before a gateway.

import assert from "node:assert/strict";

import OpenAI from "openai";
import { makeParseableTextFormat } from "openai/lib/parser";

import { ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, Suite, WEATHER, behave, collect,
  described, requestsAt, thrownBy, whole } from "./cases.mjs";

const MODEL = "gpt-5";
const PLAIN_MODEL = "gpt-4.1";
const suite = new Suite("openai", "anthropic", "http_503");
const client = (url, maxRetries = 0) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-test", maxRetries, fetch: suite.fetch });
const responses = client(LADDER).responses;
const alone = client(ALONE).responses;

const ask = (more = {}) => ({ model: MODEL, input: "Tell me about rivers.", store: false, ...more });

const callsOf = (response) => response.output.filter((item) => item.type === "function_call");
const textOf = (response) => response.output.filter((item) => item.type === "message")
  .flatMap((item) => item.content).map((part) => part.text).join("");

// What must be equal, whoever answered.
function checked(response) {
  assert.equal(response.object, "response");
  assert.ok(response.id.startsWith("resp_") && response.model && response.created_at > 0);
  const { input_tokens, output_tokens, total_tokens } = response.usage;
  assert.ok(input_tokens > 0 && output_tokens > 0);
  assert.equal(total_tokens, input_tokens + output_tokens);
  assert.equal(new Set(response.output.map((item) => item.id)).size, response.output.length);
  const calls = callsOf(response).map((call) => {
    assert.ok(call.call_id);
    return [call.name, JSON.parse(call.arguments)];
  });
  return [response.status, textOf(response), calls];
}

async function text(more) {
  const [status, content] = checked(await responses.create(ask(more)));
  assert.equal(status, "completed");
  return whole(content);
}

// Climbs the ladder of events and puts the answer together from them.
async function rawStream(asked) {
  const events = await collect(await responses.create({ ...asked, stream: true }));
  assert.deepEqual(events.map((event) => event.sequence_number), [...events.keys()]);
  assert.equal(events[0].type, "response.created");
  const last = events.at(-1);
  assert.equal(last.type, "response.completed");
  const items = [];
  for (const event of events) {
    if (event.type === "response.output_item.added") {
      assert.equal(event.output_index, items.length);
      items.push([event.item.id, ""]);
    } else if (event.delta !== undefined) {
      assert.equal(event.item_id, items[event.output_index][0]);
      items[event.output_index][1] += event.delta;
    } else if (event.type === "response.output_text.done") {
      assert.equal(event.text, items[event.output_index][1]);
    } else if (event.type === "response.function_call_arguments.done") {
      assert.equal(event.arguments, items[event.output_index][1]);
    }
  }
  assert.deepEqual(last.response.output.map((item) => item.id), items.map(([id]) => id));
  return checked(last.response);
}

const fn = (name, parameters) =>
  ({ type: "function", name, description: `The ${name}.`, parameters, strict: true });
const TOOLS = [fn("weather", WEATHER), fn("stock", STOCK)];
const both = (more = {}) => ask({ input: "The weather and the stock, please.", tools: TOOLS, ...more });

// The conversation with what came back and the results of the calls, as text and as parts.
function answered(asked, response) {
  const forms = ["sunny", [{ type: "input_text", text: "seven" }]];
  const results = callsOf(response).map((call, nth) =>
    ({ type: "function_call_output", call_id: call.call_id, output: forms[nth] }));
  const turns = [{ role: "user", content: asked.input }, ...response.output, ...results];
  return { ...asked, input: turns, tool_choice: "auto" };
}

const names = (response) => callsOf(response).map((call) => call.name);
const format = { type: "json_schema", name: "address", strict: true, schema: ADDRESS };
const parseable = () => makeParseableTextFormat(format, JSON.parse);

await suite.both({
  "unary text": () => text(),
  "streamed text, raw": async () => {
    const [status, content] = await rawStream(ask());
    assert.equal(status, "completed");
    return whole(content);
  },
  "streamed text, .stream()": async () => {
    const pieces = [];
    const stream = responses.stream(ask());
    stream.on("response.output_text.delta", (event) => pieces.push(event.delta));
    const response = await stream.finalResponse();
    assert.ok(pieces.length > 1);
    assert.equal(pieces.join(""), textOf(response));
    return checked(response);
  },
  "image": () => text({ input: [{ role: "user", content: [
    { type: "input_image", image_url: `data:image/png;base64,${PIXEL}`, detail: "auto" },
    { type: "input_text", text: "What is this?" }] }] }),
  "one tool, chosen; result": async () => {
    const tool_choice = { type: "function", name: "weather" };
    const asked = both({ tool_choice });
    const response = await responses.create(asked);
    assert.deepEqual(names(response), ["weather"]);
    return [checked(response), checked(await responses.create(answered(asked, response)))];
  },
  "one call at a time": async () => {
    const asked = both({ parallel_tool_calls: false, tool_choice: "required" });
    const found = checked(await responses.create(asked));
    assert.equal(found[2].length, 1);
    return found;
  },
  "parallel tools; results": async () => {
    const response = await responses.create(both());
    assert.deepEqual(names(response), ["weather", "stock"]);
    return [checked(response), checked(await responses.create(answered(both(), response)))];
  },
  "parallel tools, streamed; results": async () => {
    const [, content, calls] = await rawStream(both());
    const response = await responses.stream(both()).finalResponse();
    assert.deepEqual(checked(response)[2], calls);
    return [content, calls, checked(await responses.create(answered(both(), response)))];
  },
  "instructions, developer items": () => text({ instructions: "You are a poet.", input: [
    { role: "developer", content: [{ type: "input_text", text: "You like rivers." }] },
    { role: "user", content: "Hello." }, { role: "assistant", content: "Good day." },
    { role: "user", content: "Tell me about the sea." },
    { role: "developer", content: "Be brief from now on." }] }),
  "json_schema": async () => {
    const found = JSON.parse(checked(await responses.create(ask({ text: { format } })))[1]);
    assert.deepEqual(Object.keys(found).sort(), ["number", "street", "tags"]);
    return found;
  },
  ".parse()": async () => {
    const response = await responses.parse(ask({ text: { format: parseable() } }));
    assert.equal(typeof response.output_parsed.number, "number");
    return response.output_parsed;
  },
  "reasoning effort, max_output_tokens": () => text({
    reasoning: { effort: "high", summary: "auto" }, max_output_tokens: 4096,
    include: ["reasoning.encrypted_content"] }),
  "raw response, request id, usage": async () => {
    const { data, response, request_id } = await responses.create(ask()).withResponse();
    assert.ok(request_id.startsWith("req_"));
    assert.equal(response.headers.get("x-request-id"), request_id);
    return checked(data);
  },
});

const OWN = "openai";
const SITUATIONS = [[], [{ provider: OWN, symptom: "http_503" }],
  [{ provider: OWN, symptom: "reset_mid_body" }]];
// A request that nobody waits for.
const left = (more = {}) => ask({ store: true, background: true, ...more });
const isOver = ({ status }) => status !== "queued" && status !== "in_progress";

async function polled(response, at = responses) {
  assert.ok(response.id.startsWith("resp_") && response.background);
  while (!isOver(response)) response = await at.retrieve(response.id);
  return response;
}

async function everywhere(act) {
  for (const behaviours of SITUATIONS) {
    await behave(...behaviours);
    await act();
  }
}

await suite.once("background", {
  "polled": () => everywhere(async () => {
    const first = await responses.create(left({ metadata: { job: "7" } }));
    assert.equal(first.status, "queued");
    assert.deepEqual(first.metadata, { job: "7" });
    const response = await polled(first);
    const [status, content] = checked(response);
    assert.ok(status === "completed" && whole(content) && response.id === first.id);
    const after = await responses.create(ask({ previous_response_id: first.id }));
    assert.equal(after.previous_response_id, first.id);
    const items = await responses.inputItems.list(first.id);
    assert.equal(items.data[0].content[0].text, "Tell me about rivers.");
    await responses.delete(first.id);
    const error = await thrownBy(() => responses.retrieve(first.id));
    assert.ok(error instanceof OpenAI.NotFoundError, described(error));
  }),
  "read along, broken away from, resumed": () => everywhere(async () => {
    let [seen, id, text] = [-1, null, ""];
    const take = (event) => {
      assert.equal(event.sequence_number, seen + 1);
      seen = event.sequence_number;
      if (event.type === "response.output_text.delta") text += event.delta;
    };
    for await (const event of await responses.create(left({ stream: true }))) {
      take(event);
      id ??= event.response.id;
      if (text) break;
    }
    let last = null;
    for await (const event of await responses.retrieve(id, { stream: true, starting_after: seen })) {
      take(event);
      last = event;
    }
    assert.equal(last.type, "response.completed");
    assert.equal(last.response.id, id);
    assert.equal(text, textOf(last.response));
    const numbers = [];
    const stream = responses.stream({ response_id: id, starting_after: 2 });
    stream.on("event", (event) => numbers.push(event.sequence_number));
    const response = await stream.finalResponse();
    assert.deepEqual(numbers, [...Array(seen - 2).keys()].map((nth) => nth + 3));
    assert.ok(response.id === id && textOf(response) === text);
  }),
  ".stream()": () => everywhere(async () => {
    const response = await responses.stream(left()).finalResponse();
    assert.deepEqual(checked(response), checked(await polled(response)));
  }),
  "cancelled": async () => {
    await behave(...[OWN, "anthropic"].map((provider) =>
      ({ provider, symptom: "silence_mid_stream" })));
    const first = await responses.create(left());
    for (let nth = 0; nth < 2; nth += 1) {
      assert.equal((await responses.cancel(first.id)).status, "cancelled");
    }
    assert.equal((await polled(first)).status, "cancelled");
  },
  "failed": async () => {
    await behave({ symptom: "http_503" });
    const down = client(DOWN).responses;
    const response = await polled(await down.create(left()), down);
    assert.equal(response.status, "failed");
    assert.equal(response.error.code, "server_error");
    return response.error.message;
  },
});

function down(model, symptom, shouldRetry, expected) {
  return async () => {
    await behave(symptom);
    const before = await requestsAt(DOWN_CONSOLE);
    const error = await thrownBy(() => client(DOWN, 1).responses.create(ask({ model })));
    assert.ok(error instanceof expected, described(error));
    assert.equal(error.headers.get("x-should-retry"), shouldRetry);
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
    const seen = [];
    const error = await thrownBy(async () => {
      for await (const event of await alone.create(ask({ stream: true }))) seen.push(event.type);
    });
    assert.ok(seen.includes("response.output_text.delta"), "nothing came before the break");
    assert.equal(seen.at(-1), "response.failed");
    return described(error);
  },
  ".stream()": async () => {
    await behave({ provider: "openai", symptom: "reset_mid_body" });
    return described(await thrownBy(() => alone.stream(ask()).finalResponse()));
  },
});
await suite.finish();
