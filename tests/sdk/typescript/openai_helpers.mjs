// The helpers of the official OpenAI SDK that call tools and read structures by themselves.

import assert from "node:assert/strict";

import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { LADDER, Suite, whole } from "./cases.mjs";

const suite = new Suite("openai", "anthropic", "http_503");
const sdk = new OpenAI({ baseURL: `${LADDER}/v1`, apiKey: "sk-test", maxRetries: 0, fetch: suite.fetch });
const model = "gpt-5";
const messages = [{ role: "user", content: "How is the weather?" }];
// Integers have bounds in zod, which a provider that is strict about schemas does not take.
const Weather = z.object({ city: z.string(), days: z.number() });
const Address = z.object({ street: z.string(), number: z.number(), tags: z.array(z.string()) });

// What must be equal, whoever answered: the turns, the calls, the end.
async function told(runner, called) {
  const final = whole(await runner.finalContent());
  assert.equal(called.length, 1);
  const turns = runner.messages.map((message) => [message.role, message.content]);
  assert.deepEqual(turns.map(([role]) => role), ["user", "assistant", "tool", "assistant"]);
  const usage = await runner.totalUsage();
  return [turns, called, final, Object.keys(usage).includes("total_tokens")];
}

const run = (more = {}) => () => {
  const called = [];
  const weather = ({ city, days }) => {
    called.push([city, days]);
    return { sky: "sunny" };
  };
  const tools = [zodFunction({ name: "weather", parameters: Weather, function: weather })];
  return told(sdk.chat.completions.runTools({ model, messages, tools, ...more }), called);
};

// Tools and a structure in one stream: their events, and both parsed.
async function streamedCalls() {
  const seen = new Set();
  const tools = [zodFunction({ name: "weather", parameters: Weather })];
  const stream = sdk.chat.completions.stream({ model, messages, tools });
  stream.on("tool_calls.function.arguments.delta", () => seen.add("delta"));
  stream.on("tool_calls.function.arguments.done", () => seen.add("done"));
  const [{ message }] = (await stream.finalChatCompletion()).choices;
  assert.deepEqual([...seen], ["delta", "done"]);
  return message.tool_calls.map((call) => call.function.parsed_arguments);
}

async function parsed() {
  const response_format = zodResponseFormat(Address, "address");
  const { choices } = await sdk.chat.completions.parse({ model, messages, response_format });
  return Address.parse(choices[0].message.parsed);
}

const text = { format: zodTextFormat(Address, "address") };
const ask = (more) => ({ model, input: "How is the weather?", store: false, ...more });

async function parsedResponse() {
  return Address.parse((await sdk.responses.parse(ask({ text }))).output_parsed);
}

async function streamedResponse() {
  const stream = sdk.responses.stream(ask({ text }));
  let said = "";
  stream.on("response.output_text.delta", ({ delta, snapshot }) => {
    said += delta;
    assert.equal(snapshot, said);
  });
  const response = await stream.finalResponse();
  assert.deepEqual(JSON.parse(said), response.output_parsed);
  return Address.parse(response.output_parsed);
}

async function parsedCalls() {
  const tools = [zodResponsesFunction({ name: "weather", parameters: Weather })];
  const { output } = await sdk.responses.parse(ask({ tools }));
  const calls = output.filter((item) => item.type === "function_call");
  assert.equal(calls.length, 1);
  return Weather.parse(calls[0].parsed_arguments);
}

await suite.both({
  "runTools": run(),
  "runTools, streamed": run({ stream: true }),
  "chat.completions.stream with zod tools": streamedCalls,
  "chat.completions.parse with zod": parsed,
  "responses.parse with zod": parsedResponse,
  "responses.stream with zod": streamedResponse,
  "responses.parse with zod tools": parsedCalls,
});
await suite.finish();
