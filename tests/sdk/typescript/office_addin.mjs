// The add-in of docs/samples before a gateway, without the browser around it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { ALONE, DOWN, LADDER, Suite, behave, thrownBy, whole } from "./cases.mjs";

const sample = new URL("../../../docs/samples/office-addin/gateway.js", import.meta.url);
const code = await readFile(sample, "utf8");
// A module whatever this version of Node makes of the file's name.
const { ask } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

const suite = new Suite("openai", "anthropic", "http_503");
const gateway = (base) => ({ base, key: "bst-key", model: "gpt-5" });
const realFetch = globalThis.fetch;
// The suite's own `fetch` calls the real one.
const noting = async (act) => {
  globalThis.fetch = async (...args) => {
    const answer = await realFetch(...args);
    suite.headers.push(Object.fromEntries(answer.headers));
    return answer;
  };
  try {
    return await act();
  } finally {
    globalThis.fetch = realFetch;
  }
};

await suite.both({
  "an answer as it comes": () => noting(async () => {
    const pieces = [];
    const { text, requestId } = await ask(gateway(LADDER), "Tell me about rivers.", (piece) => pieces.push(piece));
    assert.ok(pieces.length > 2 && pieces.join("") === text && requestId.startsWith("req_"));
    return whole(text);
  }),
});

await suite.once("errors", {
  "everything down": async () => {
    await behave({ provider: "openai", symptom: "http_503" });
    return (await thrownBy(() => ask(gateway(DOWN), "Hello", () => {}))).message;
  },
  "an answer that breaks off": async () => {
    await behave({ provider: "openai", symptom: "reset_mid_body" });
    let seen = "";
    const error = await thrownBy(() => ask(gateway(ALONE), "Tell me about rivers.", (piece) => { seen += piece; }));
    assert.ok(seen, "nothing came before the break");
    return error.message;
  },
});
await suite.finish();
