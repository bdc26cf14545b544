// Asks the gateway and hands over the answer as it comes. A stream that breaks is an error: half an
// answer never looks like a whole one.

/**
 * @param {{ base: string, key: string, model: string }} gateway where it is, and a key of its own
 * @param {string} question
 * @param {(piece: string) => void} show called with every piece of the answer
 * @returns {Promise<{ text: string, target: string | null, requestId: string | null }>}
 */
export async function ask(gateway, question, show) {
  const answer = await fetch(`${gateway.base}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${gateway.key}`,
      "backstop-app": "office-addin",
    },
    body: JSON.stringify({
      model: gateway.model,
      stream: true,
      messages: [{ role: "user", content: question }],
    }),
  });
  if (!answer.ok) {
    throw new Error(await told(answer));
  }
  let text = "";
  let whole = false;
  for await (const data of events(answer.body)) {
    if (data === "[DONE]") {
      whole = true;
      break;
    }
    const chunk = JSON.parse(data);
    if (chunk.error) {
      throw new Error(chunk.error.message);
    }
    const piece = chunk.choices[0]?.delta?.content ?? "";
    text += piece;
    show(piece);
  }
  if (!whole) {
    throw new Error("the answer broke off: ask again");
  }
  // Which provider and model answered: `target=openai/gpt-5; rung=1; attempts=1`.
  return {
    text,
    target: answer.headers.get("backstop-answer"),
    requestId: answer.headers.get("x-request-id"),
  };
}

/** What the gateway says of an error, with the id that its operator finds it by. */
async function told(answer) {
  const wait = answer.headers.get("retry-after");
  try {
    const { error } = await answer.json();
    return wait ? `${error.message} (try again in ${wait} s)` : error.message;
  } catch {
    return `the gateway answered ${answer.status}`;
  }
}

/** The data of server-sent events. */
async function* events(body) {
  let rest = "";
  for await (const chunk of pieces(body.pipeThrough(new TextDecoderStream()))) {
    const lines = (rest + chunk).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      // What else there is are comments that keep the connection alive.
      if (line.startsWith("data:")) {
        yield line.slice(5).trimStart();
      }
    }
  }
}

/** A stream's pieces: not every browser iterates over streams by itself. */
async function* pieces(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}
