// The official Google Gen AI SDK for TypeScript before a gateway.

import assert from "node:assert/strict";

import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from "@google/genai";

import { ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, Suite, WEATHER, behave, collect,
  described, requestsAt, thrownBy, whole } from "./cases.mjs";

const MODEL = "gemini-3.5-flash";
const suite = new Suite("gemini", "anthropic", "http_503");

// This SDK takes no `fetch` of ours: the one of the platform notes the headers of gateways.
const plain = globalThis.fetch;
globalThis.fetch = async (address, ...more) => {
  const answer = await plain(address, ...more);
  const path = new URL(address.url ?? address).pathname;
  if (path.includes("/models/")) suite.headers.push(Object.fromEntries(answer.headers));
  return answer;
};

const client = (baseUrl) => new GoogleGenAI({ apiKey: "test", httpOptions: { baseUrl } });
const sdk = client(LADDER);
const alone = client(ALONE);

const ask = (config = {}, contents = "Tell me about rivers.") => ({ model: MODEL, contents, config });

// What must be equal, whoever answered.
function checked(response) {
  assert.ok(response.responseId && response.modelVersion);
  const { promptTokenCount, candidatesTokenCount } = response.usageMetadata;
  assert.ok(promptTokenCount > 0 && candidatesTokenCount > 0);
  assert.equal(response.candidates.length, 1);
  const [{ content, finishReason }] = response.candidates;
  assert.equal(content.role, "model");
  const calls = (response.functionCalls ?? []).map((call) => [call.name, call.args]);
  const said = content.parts.filter((part) => !part.thought).map((part) => part.text ?? "").join("");
  return [finishReason, said, calls];
}

async function text(config, contents) {
  const [reason, said] = checked(await sdk.models.generateContent(ask(config, contents)));
  assert.equal(reason, "STOP");
  return whole(said);
}

async function streamedText() {
  const chunks = await collect(await sdk.models.generateContentStream(ask()));
  assert.ok(chunks.length > 1);
  assert.equal(chunks.at(-1).candidates[0].finishReason, "STOP");
  assert.equal(new Set(chunks.map((chunk) => chunk.responseId)).size, 1);
  return whole(chunks.map((chunk) => chunk.text ?? "").join(""));
}

async function chat() {
  const talk = sdk.chats.create({ model: MODEL });
  const first = (await talk.sendMessage({ message: "Tell me about rivers." })).text;
  const chunks = await collect(await talk.sendMessageStream({ message: "And about the sea?" }));
  const curated = talk.getHistory(true);
  assert.ok(curated.length >= 4, JSON.stringify(curated));
  return [whole(first), whole(chunks.map((chunk) => chunk.text ?? "").join(""))];
}

const TOOLS = [{ functionDeclarations: [
  { name: "weather", description: "The weather.", parametersJsonSchema: WEATHER },
  { name: "stock", description: "The stock.", parametersJsonSchema: STOCK },
] }];

// The conversation as an application sends it on: what came back, and the results.
function answered(contents, parts, calls) {
  const results = calls.map((call) => ({
    functionResponse: { id: call.id, name: call.name, response: { output: "sunny" } },
  }));
  return sdk.models.generateContent({ model: MODEL, config: { tools: TOOLS }, contents: [
    { role: "user", parts: [{ text: contents }] }, { role: "model", parts },
    { role: "user", parts: results },
  ] });
}

async function oneTool() {
  const contents = "How is the weather?";
  const functionCallingConfig = { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ["weather"] };
  const asked = ask({ tools: TOOLS, toolConfig: { functionCallingConfig } }, contents);
  const response = await sdk.models.generateContent(asked);
  const [, said, calls] = checked(response);
  assert.deepEqual(calls.map(([name]) => name), ["weather"]);
  const { parts } = response.candidates[0].content;
  return [said, calls, checked(await answered(contents, parts, response.functionCalls))];
}

async function parallelTools() {
  const contents = "The weather and the stock, please.";
  const response = await sdk.models.generateContent(ask({ tools: TOOLS }, contents));
  const [, said, calls] = checked(response);
  assert.deepEqual(calls.map(([name]) => name), ["weather", "stock"]);
  const { parts } = response.candidates[0].content;
  return [said, calls, checked(await answered(contents, parts, response.functionCalls))];
}

async function streamedTools() {
  const contents = "The weather and the stock, please.";
  const chunks = await collect(await sdk.models.generateContentStream(ask({ tools: TOOLS }, contents)));
  const parts = chunks.flatMap((chunk) => chunk.candidates[0].content?.parts ?? [])
    .filter((part) => part.functionCall || part.text);
  const calls = parts.flatMap((part) => part.functionCall ?? []);
  assert.deepEqual(calls.map((call) => call.name), ["weather", "stock"]);
  return [calls.map((call) => call.args), checked(await answered(contents, parts, calls))];
}

// A tool that the SDK calls by itself.
async function automatic(ask) {
  const seen = [];
  const tool = {
    tool: async () => ({ functionDeclarations: [TOOLS[0].functionDeclarations[0]] }),
    callTool: async (calls) => {
      seen.push(...calls.map((call) => call.args));
      return calls.map((call) => ({
        functionResponse: { id: call.id, name: call.name, response: { output: "sunny" } },
      }));
    },
  };
  const response = await ask({ tools: [tool] }, "How is the weather?");
  assert.equal(seen.length, 1);
  return [seen, checked(response)[1]];
}

const inChat = (config, message) => sdk.chats.create({ model: MODEL, config }).sendMessage({ message });

async function schema() {
  const config = { responseMimeType: "application/json", responseJsonSchema: ADDRESS };
  const found = JSON.parse((await sdk.models.generateContent(ask(config))).text);
  assert.deepEqual(Object.keys(found).sort(), Object.keys(ADDRESS.properties).sort());
  return found;
}

const picture = { inlineData: { mimeType: "image/png", data: PIXEL } };

await suite.both({
  "unary text": () => text(),
  "streamed text": streamedText,
  "chat, two turns, the second streamed": chat,
  "image": () => text({}, [{ role: "user", parts: [picture, { text: "What is this?" }] }]),
  "one tool, chosen; result": oneTool,
  "parallel tools; results": parallelTools,
  "parallel tools, streamed; results": streamedTools,
  "automatic function calling": () =>
    automatic((config, contents) => sdk.models.generateContent(ask(config, contents))),
  "automatic function calling in a chat": () => automatic(inChat),
  "responseJsonSchema": schema,
  "system instruction, limits": () => text({
    systemInstruction: "You are a poet.", temperature: 0.5, maxOutputTokens: 4096,
  }),
  "thinking level, thoughts": () => text({
    thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true },
  }),
});

async function down(symptom, status, word) {
  await behave(symptom);
  const before = await requestsAt(DOWN_CONSOLE);
  const error = await thrownBy(() => client(DOWN).models.generateContent(ask()));
  assert.ok(error instanceof ApiError, String(error));
  assert.equal(error.status, status);
  assert.ok(error.message.includes(word), error.message);
  return `${described(error)}, ${(await requestsAt(DOWN_CONSOLE)) - before} request(s)`;
}

async function broken() {
  await behave({ provider: "gemini", symptom: "reset_mid_body" });
  const seen = [];
  const error = await thrownBy(async () => {
    for await (const chunk of await alone.models.generateContentStream(ask())) seen.push(chunk.text);
  });
  assert.ok(seen.some(Boolean), "nothing came before the break");
  return described(error);
}

async function counted() {
  const { totalTokens } = await sdk.models.countTokens({ model: MODEL, contents: "Tell me." });
  assert.ok(totalTokens > 0);
}

await behave();
await suite.once("own dialect", { "countTokens": counted });
await suite.once("errors", {
  "everything down": () => down({ symptom: "http_503" }, 503, "UNAVAILABLE"),
  "limited for a minute": () =>
    down({ symptom: "rate_limit", retry_after_s: 60 }, 429, "RESOURCE_EXHAUSTED"),
});
await suite.once("broken stream", { "generateContentStream": broken });
await suite.finish();
