// What the scripts share: the two situations, what is asserted of every answer, one line per case.

import assert from "node:assert/strict";

// With a ladder whose second rung speaks the other dialect; with one target only; the same, for errors.
export const { LADDER, ALONE, DOWN, DOWN_CONSOLE, SIMULATOR } = process.env;

// One white pixel.
export const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

const object = (properties) => ({
  type: "object", properties, required: Object.keys(properties), additionalProperties: false,
});
export const WEATHER = object({ city: { type: "string" }, days: { type: "integer" } });
export const STOCK = object({ article: { type: "string" }, note: { type: "string" } });
export const ADDRESS = object({
  street: { type: "string" }, number: { type: "integer" },
  tags: { type: "array", items: { type: "string" } },
});

// Names of headers that depend on the length or the time of an answer, not on who gave it.
const INCIDENTAL = ["content-length", "transfer-encoding", "date", "connection", "keep-alive"];

// From now on providers do this, and nothing else that is wrong.
export async function behave(...behaviours) {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(behaviours);
  const answer = await fetch(`${SIMULATOR}/simulator/behaviour`, { method: "PUT", headers, body });
  assert.equal(answer.status, 200, await answer.text());
}

// How many requests the gateway of this console has seen.
export async function requestsAt(console) {
  const page = await (await fetch(`${console}/metrics`)).text();
  const lines = page.split("\n").filter((line) => line.startsWith("backstop_requests_total"));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").pop()), 0);
}

// Simulated free text ends with a digest of what is before it, and two situations are compared.
export function whole(text) {
  assert.match(text, /The end is #[0-9a-f]{16}\.$/);
  return text;
}

// The error that this throws; none is a failure.
export async function thrownBy(act) {
  let result;
  try {
    result = await act();
  } catch (error) {
    return error;
  }
  assert.fail(`ended normally with ${JSON.stringify(result)}`);
}

export const described = (error) => `${error.constructor.name}, status ${error.status}`;

export async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}

// Runs each case in both situations and compares what it returned.
export class Suite {
  constructor(own, other, symptom) {
    Object.assign(this, { own, other, symptom, failures: 0, headers: [] });
    // Given to the SDK as its `fetch`: notes the headers of every answer.
    this.fetch = async (...args) => {
      const answer = await fetch(...args);
      this.headers.push(Object.fromEntries(answer.headers));
      return answer;
    };
  }

  async once_(provider, act) {
    this.headers = [];
    const result = await act();
    const names = new Set();
    for (const headers of this.headers) {
      const answer = headers["backstop-answer"] ?? "";
      assert.ok(answer.startsWith(`target=${provider}/`), `answered by ${answer}`);
      for (const name of Object.keys(headers)) if (!name.startsWith("backstop-")) names.add(name);
    }
    for (const name of INCIDENTAL) names.delete(name);
    const lost = this.headers.map((headers) => headers["backstop-lost"]).filter(Boolean).join(", ");
    return [[result, [...names].sort()], lost && `  lost: ${lost}`];
  }

  async line(situation, name, run) {
    try {
      const [result, remark] = await run();
      console.log(`ok      ${situation.padEnd(14)} ${name}${remark}`);
      return result;
    } catch (error) {
      this.failures += 1;
      console.log(`FAILED  ${situation.padEnd(14)} ${name}\n${error.stack}`);
    }
  }

  // Every case with the primary healthy, then with it dead.
  async both(cases) {
    await behave();
    const first = {};
    for (const [name, act] of Object.entries(cases)) {
      first[name] = await this.line("own dialect", name, () => this.once_(this.own, act));
    }
    await behave({ provider: this.own, symptom: this.symptom });
    for (const [name, act] of Object.entries(cases)) {
      await this.line("other dialect", name, async () => {
        const [result, remark] = await this.once_(this.other, act);
        if (first[name] !== undefined) assert.deepEqual(result, first[name]);
        return [result, remark];
      });
    }
    await behave();
  }

  // Cases that have one situation only; what they return is shown.
  async once(situation, cases) {
    for (const [name, act] of Object.entries(cases)) {
      await this.line(situation, name, async () => [undefined, `: ${await act()}`]);
    }
  }

  async finish() {
    await behave();
    process.exit(this.failures ? 1 : 0);
  }
}
