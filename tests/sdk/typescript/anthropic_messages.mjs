// The official Anthropic SDK before a gateway.

import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";

import { ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, Suite, WEATHER, behave, collect,
  described, requestsAt, thrownBy, whole } from "./cases.mjs";

const MODEL = "claude-opus-4-8";
const suite = new Suite("anthropic", "openai", "http_529");
const client = (baseURL, maxRetries = 0) =>
  new Anthropic({ baseURL, apiKey: "sk-test", maxRetries, fetch: suite.fetch });
const sdk = client(LADDER);
const sent = [];
const watched = new Anthropic({ baseURL: LADDER, apiKey: "sk-test", maxRetries: 0,
  fetch: (url, init) => {
    sent.push(JSON.parse(init.body));
    return suite.fetch(url, init);
  } });
const alone = client(ALONE);

const ask = (more = {}) => ({
  model: MODEL, max_tokens: 2048, messages: [{ role: "user", content: "Tell me about rivers." }], ...more,
});
const asking = (content, more = {}) => ask({ messages: [{ role: "user", content }], ...more });

// What must be equal, whoever answered.
function checked(message) {
  assert.equal(message.type, "message");
  assert.equal(message.role, "assistant");
  assert.ok(message.id && message.model);
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  const blocks = message.content.map((block) => {
    if (block.type === "text") return block.text;
    assert.equal(block.type, "tool_use");
    assert.ok(block.id);
    return [block.name, block.input];
  });
  return [message.stop_reason, message.stop_sequence, blocks];
}

async function text(more) {
  const [reason, , blocks] = checked(await sdk.messages.create(ask(more)));
  assert.equal(reason, "end_turn");
  return whole(blocks.join(""));
}

// Checks the order of events and puts the blocks together from them.
async function rawStream(asked) {
  const events = await collect(await sdk.messages.create({ ...asked, stream: true }));
  const kinds = events.map((event) => event.type).filter((kind) => kind !== "ping");
  assert.equal(kinds[0], "message_start");
  assert.deepEqual(kinds.slice(-2), ["message_delta", "message_stop"]);
  const blocks = [];
  let open = null;
  for (const event of events) {
    if (event.type === "content_block_start") {
      assert.equal(open, null);
      assert.equal(event.index, blocks.length);
      open = event.index;
      blocks.push([event.content_block.name, ""]);
    } else if (event.type === "content_block_delta") {
      assert.equal(event.index, open);
      blocks[open][1] += event.delta.text ?? event.delta.partial_json;
    } else if (event.type === "content_block_stop") {
      assert.equal(event.index, open);
      open = null;
    }
  }
  const end = events.find((event) => event.type === "message_delta");
  assert.ok(end.usage.output_tokens > 0);
  return [end.delta.stop_reason, blocks.map(([name, said]) => (name ? [name, JSON.parse(said)] : said))];
}

const source = { type: "base64", media_type: "image/png", data: PIXEL };
const TOOLS = [
  { name: "weather", description: "The weather.", input_schema: WEATHER },
  { name: "stock", description: "What is in stock.", input_schema: STOCK },
];
const callsOf = (message) => message.content.filter((block) => block.type === "tool_use");

// The conversation with the results of the calls, as text and as blocks.
function answered(asked, message) {
  const forms = [{ content: "sunny" }, { content: [{ type: "text", text: "seven" }] }];
  const results = callsOf(message).map((call, nth) =>
    ({ type: "tool_result", tool_use_id: call.id, ...forms[nth] }));
  const turns = [{ role: "assistant", content: message.content }, { role: "user", content: results }];
  return { ...asked, messages: [...asked.messages, ...turns] };
}

const names = (message) => callsOf(message).map((call) => call.name);
const both = () => asking("The weather and the stock, please.", { tools: TOOLS });
const format = () => jsonSchemaOutputFormat(ADDRESS);

// What was sent: one thread, of which each turn says only what is new.
function threaded() {
  const kinds = sent.map((body) => body.thread?.type);
  assert.ok(sent.length > 1);
  assert.deepEqual(kinds, ["create", ...Array(sent.length - 1).fill("continue")]);
  assert.ok(sent.slice(1).every((body) => body.messages.length === 1 && !body.tools));
}

await suite.both({
  "tool runner, on a thread": async () => {
    const said = [];
    for (const stream of [false, true]) {
      sent.length = 0;
      const called = [];
      const weather = betaTool({ name: "weather", description: "The weather.", inputSchema: WEATHER,
        run: (asked) => (called.push(asked), "sunny") });
      const runner = watched.beta.messages.toolRunner({
        ...asking("How is the weather?"), system: "You are a poet.", tools: [weather], stream });
      const last = await runner.runUntilDone();
      assert.ok(called.length > 0 && last.stop_reason === "end_turn");
      threaded();
      said.push([called, whole(last.content[0].text)]);
    }
    return said;
  },
  "message thread": async () => {
    sent.length = 0;
    const thread = watched.beta.messages.thread({ model: MODEL, max_tokens: 2048 });
    const said = [await thread.send({ role: "user", content: "Tell me about rivers." })];
    const stream = thread.stream({ role: "user", content: "And the sea?" });
    said.push(await stream.finalMessage());
    said.push(await thread.send({ role: "user", content: "And the sky?" }));
    threaded();
    return said.map(checked);
  },
  "unary text": () => text(),
  "streamed text, raw": async () => {
    const [reason, blocks] = await rawStream(ask());
    assert.equal(reason, "end_turn");
    return whole(blocks.join(""));
  },
  "streamed text, .stream()": async () => {
    const pieces = [];
    const stream = sdk.messages.stream(ask()).on("text", (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    assert.ok(pieces.length > 1 && stream.request_id);
    assert.equal(pieces.join(""), message.content[0].text);
    return checked(message);
  },
  "image": () => text({ messages: [{ role: "user", content: [
    { type: "image", source }, { type: "text", text: "What is this?" }] }] }),
  "one tool, chosen; failed result": async () => {
    const asked = asking("How is the weather?",
      { tools: TOOLS, tool_choice: { type: "tool", name: "weather" } });
    const message = await sdk.messages.create(asked);
    assert.deepEqual(names(message), ["weather"]);
    const second = answered(asked, message);
    second.tool_choice = { type: "auto" };
    Object.assign(second.messages.at(-1).content[0], { content: "no such city", is_error: true });
    return [checked(message), checked(await sdk.messages.create(second))];
  },
  "parallel tools; results": async () => {
    const message = await sdk.messages.create(both());
    assert.deepEqual(names(message), ["weather", "stock"]);
    const second = checked(await sdk.messages.create(answered(both(), message)));
    assert.equal(second[0], "end_turn");
    return [checked(message), second];
  },
  "parallel tools, streamed; results": async () => {
    const [reason, blocks] = await rawStream(both());
    assert.equal(reason, "tool_use");
    let pieces = 0;
    const stream = sdk.messages.stream(both()).on("inputJson", () => { pieces += 1; });
    const message = await stream.finalMessage();
    assert.ok(pieces > 1);
    assert.deepEqual(checked(message)[2], blocks);
    const second = sdk.messages.stream(answered(both(), message));
    return [blocks, checked(await second.finalMessage())];
  },
  // Chat Completions takes it beside the results only, so what is said next may differ.
  "image as a tool's result": async () => {
    const input = { city: "Ulm", days: 1 };
    const call = { type: "tool_use", id: "toolu_1", name: "weather", input };
    const content = [{ type: "text", text: "a map" }, { type: "image", source }];
    checked(await sdk.messages.create(ask({ tools: TOOLS, messages: [
      { role: "user", content: "How is the weather?" }, { role: "assistant", content: [call] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content }] }] })));
  },
  "system as string": () => text({ system: "You are a poet." }),
  "system as blocks": () => text({ system: [
    { type: "text", text: "You are a poet.", cache_control: { type: "ephemeral" } },
    { type: "text", text: "You like rivers." }] }),
  "system turn in the conversation": () => text({ messages: [
    { role: "user", content: "Hello." }, { role: "assistant", content: "Good day." },
    { role: "user", content: "Tell me about the sea." },
    { role: "system", content: "Be brief from now on." }] }),
  "json_schema": async () => {
    const output_config = { format: { type: "json_schema", schema: ADDRESS } };
    const [, , blocks] = checked(await sdk.messages.create(ask({ output_config })));
    const found = JSON.parse(blocks.join(""));
    assert.deepEqual(Object.keys(found).sort(), ["number", "street", "tags"]);
    return found;
  },
  ".parse()": async () => {
    const message = await sdk.messages.parse(ask({ output_config: { format: format() } }));
    assert.equal(typeof message.parsed_output.number, "number");
    return message.parsed_output;
  },
  ".stream() with a schema": async () => {
    const stream = sdk.messages.stream(ask({ output_config: { format: format() } }));
    const message = await stream.finalMessage();
    assert.equal(typeof message.parsed_output.number, "number");
    return message.parsed_output;
  },
  "stop sequences": () => text({ stop_sequences: ["\n\nHuman:", "STOP"] }),
  "thinking adaptive, effort": () =>
    text({ thinking: { type: "adaptive" }, output_config: { effort: "high" } }),
  "thinking disabled": () => text({ thinking: { type: "disabled" } }),
  "raw response, request id, usage": async () => {
    const { data, response, request_id } = await sdk.messages.create(ask()).withResponse();
    assert.ok(request_id.startsWith("req_"));
    assert.equal(response.headers.get("request-id"), request_id);
    assert.equal(data._request_id, request_id);
    return checked(data);
  },
});

function down(model, symptom, shouldRetry, expected) {
  return async () => {
    await behave(symptom);
    const before = await requestsAt(DOWN_CONSOLE);
    const error = await thrownBy(() => client(DOWN, 1).messages.create(ask({ model })));
    assert.ok(error instanceof expected, described(error));
    assert.equal(error.headers.get("x-should-retry"), shouldRetry);
    assert.ok(error.requestID && error.error.type === "error");
    const requests = (await requestsAt(DOWN_CONSOLE)) - before;
    assert.equal(requests, shouldRetry === "true" ? 2 : 1);
    return `${described(error)}, ${requests} request(s)`;
  };
}

await suite.once("errors", {
  "everything down, worth a retry":
    down(MODEL, { symptom: "http_529" }, "true", Anthropic.InternalServerError),
  "limited for a minute, not worth a retry": down("claude-sonnet-5",
    { symptom: "rate_limit", retry_after_s: 60 }, "false", Anthropic.RateLimitError),
});

await suite.once("broken stream", {
  "raw": async () => {
    await behave({ provider: "anthropic", symptom: "reset_mid_body" });
    let seen = "";
    const error = await thrownBy(async () => {
      for await (const event of await alone.messages.create(ask({ stream: true }))) {
        seen += event.delta?.text ?? "";
      }
    });
    assert.ok(seen, "nothing came before the break");
    return described(error);
  },
  ".stream()": async () => {
    await behave({ provider: "anthropic", symptom: "reset_mid_body" });
    return described(await thrownBy(() => alone.messages.stream(ask()).finalMessage()));
  },
});
await suite.finish();
