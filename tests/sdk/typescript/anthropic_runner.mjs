// The tool runner of the official Anthropic SDK before a gateway.

import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";
import { betaZodOutputFormat, betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { z } from "zod";

import { LADDER, Suite, collect, whole } from "./cases.mjs";

const suite = new Suite("anthropic", "openai", "http_529");
let called = [];

// Nothing is asked twice: the conversation that the runner leaves behind is held.
async function noting(...args) {
  const answer = await fetch(...args);
  assert.equal(answer.status, 200);
  suite.headers.push(Object.fromEntries(answer.headers));
  return answer;
}

const sdk = new Anthropic({
  baseURL: LADDER, apiKey: "sk-test", maxRetries: 0, fetch: noting, logLevel: "error",
});

const weather = betaZodTool({
  name: "weather", description: "The weather of a city.",
  inputSchema: z.object({ city: z.string(), days: z.number() }),
  run: ({ city, days }) => {
    called.push([city, days]);
    return "sunny";
  },
});
const failing = betaZodTool({
  name: "weather", description: "The weather of a city.", inputSchema: z.object({ city: z.string() }),
  run: ({ city }) => {
    called.push(city);
    throw new Error("no such city");
  },
});

const ask = (tools, more = {}) => {
  called = [];
  const messages = [{ role: "user", content: "How is the weather?" }];
  return { model: "claude-opus-4-8", max_tokens: 2048, messages, tools, ...more };
};
const said = (message) => message.content.map((block) => block.text ?? "").join("");

// What must be equal, whoever answered: each turn, the calls, the end.
function told(messages) {
  assert.deepEqual(messages.map((message) => message.stop_reason), ["tool_use", "end_turn"]);
  assert.equal(called.length, 1);
  whole(said(messages.at(-1)));
  return [messages.map(said), called];
}

async function run(tools, more) {
  return told(await collect(sdk.beta.messages.toolRunner(ask(tools, more))));
}

async function untilDone() {
  const final = await sdk.beta.messages.toolRunner(ask([weather])).runUntilDone();
  assert.equal(called.length, 1);
  return [called, whole(said(final))];
}

async function streamed() {
  const messages = [];
  for await (const stream of sdk.beta.messages.toolRunner(ask([weather], { stream: true }))) {
    const kinds = (await collect(stream)).map((event) => event.type);
    assert.deepEqual([kinds[0], kinds.at(-1)], ["message_start", "message_stop"]);
    messages.push(await stream.finalMessage());
  }
  return told(messages);
}

async function parsed() {
  const format = betaZodOutputFormat(z.object({ street: z.string(), number: z.number() }));
  const message = await sdk.beta.messages.parse(ask(undefined, { output_config: { format } }));
  assert.equal(typeof message.parsed_output.number, "number");
  return message.parsed_output;
}

await suite.both({
  "tool runner": () => run([weather]),
  "tool runner, its own history": () => run([weather], { thread: false }),
  "tool runner, a tool that fails": () => run([failing]),
  "tool runner, runUntilDone": untilDone,
  "tool runner, streamed": streamed,
  "beta .parse() with zod": parsed,
});
await suite.finish();
