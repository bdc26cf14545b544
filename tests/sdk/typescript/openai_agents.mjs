// The OpenAI Agents SDK before a gateway.

import assert from "node:assert/strict";

import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

import { LADDER, Suite, whole } from "./cases.mjs";

const suite = new Suite("openai", "anthropic", "http_503");
const client = new OpenAI({
  baseURL: `${LADDER}/v1`, apiKey: "sk-test", maxRetries: 0, fetch: suite.fetch,
});
const runner = new Runner({ tracingDisabled: true });

// An agent, and what its tool was called with.
function withTool(model) {
  const called = [];
  const weather = tool({
    name: "weather", description: "The weather of a city.",
    parameters: z.object({ city: z.string(), days: z.number() }),
    execute: ({ city, days }) => {
      called.push([city, days]);
      return "sunny";
    },
  });
  return [new Agent({ name: "forecaster", instructions: "You are brief.", model, tools: [weather] }), called];
}

const kinds = (result) => result.newItems.map((item) => item.type);

function told(result, called) {
  assert.equal(called.length, 1);
  const calls = kinds(result).filter((kind) => kind.startsWith("tool_call"));
  assert.deepEqual(calls, ["tool_call_item", "tool_call_output_item"]);
  return [kinds(result), called, whole(result.finalOutput)];
}

async function streamed(agent, input) {
  const result = await runner.run(agent, input, { stream: true });
  let raw = 0;
  for await (const event of result) if (event.type === "raw_model_stream_event") raw += 1;
  await result.completed;
  assert.ok(raw > 3, `${raw} events`);
  return result;
}

function cases(model) {
  const handed = async (run) => {
    const poet = new Agent({ name: "poet", instructions: "You are a poet.", model });
    const result = await run(Agent.create({ name: "desk", model, handoffs: [poet] }), "A poem, please.");
    assert.equal(result.lastAgent.name, "poet");
    return [kinds(result), whole(result.finalOutput)];
  };
  const whole_ = (agent, input) => runner.run(agent, input);
  return {
    "tool": async () => {
      const [agent, called] = withTool(model);
      return told(await whole_(agent, "How is the weather?"), called);
    },
    "tool, streamed": async () => {
      const [agent, called] = withTool(model);
      return told(await streamed(agent, "How is the weather?"), called);
    },
    "handoff": () => handed(whole_),
    "handoff, streamed": () => handed(streamed),
    "output type": async () => {
      const outputType = z.object({ street: z.string(), number: z.number() });
      const result = await whole_(new Agent({ name: "clerk", model, outputType }), "An address.");
      return outputType.parse(result.finalOutput);
    },
    "second question in the same conversation": async () => {
      const [agent] = withTool(model);
      const first = await whole_(agent, "How is the weather?");
      const second = await whole_(agent, [...first.history, { role: "user", content: "And now?" }]);
      return whole(second.finalOutput);
    },
  };
}

const models = { responses: OpenAIResponsesModel, chat: OpenAIChatCompletionsModel };
const all = Object.entries(models).flatMap(([kind, Model]) =>
  Object.entries(cases(new Model(client, "gpt-5"))).map(([name, act]) => [`${kind}: ${name}`, act]));
await suite.both(Object.fromEntries(all));
await suite.finish();
