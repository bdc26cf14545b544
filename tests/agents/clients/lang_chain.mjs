// An agent of LangChain for TypeScript.

import { readFileSync } from 'node:fs';
import { createAgent, tool } from 'langchain';
import { z } from 'zod';

const { GATEWAY, NOTE } = process.env;
const openai = async (useResponsesApi) => {
  const { ChatOpenAI } = await import('@langchain/openai');
  return new ChatOpenAI({
    model: 'gpt-5.4', apiKey: 'sk-agent', maxRetries: 0, useResponsesApi,
    configuration: { baseURL: `${GATEWAY}/v1` },
  });
};
const models = {
  anthropic_messages: async () => {
    const { ChatAnthropic } = await import('@langchain/anthropic');
    return new ChatAnthropic({
      model: 'claude-sonnet-5', apiKey: 'sk-ant-agent', anthropicApiUrl: GATEWAY, maxRetries: 0,
    });
  },
  openai_chat: () => openai(false),
  openai_responses: () => openai(true),
  gemini: async () => {
    const { ChatGoogleGenerativeAI } = await import('@langchain/google-genai');
    return new ChatGoogleGenerativeAI({
      model: 'gemini-2.5-pro', apiKey: 'agent-key', baseUrl: GATEWAY, maxRetries: 0,
    });
  },
};
const lookup = tool(async ({ name }) => `${name}: ${readFileSync(NOTE, 'utf8')}`, {
  name: 'lookup', description: 'Gives the text of the note of that name.',
  schema: z.object({ name: z.string() }),
});
const agent = createAgent({ model: await models[process.argv[2]](), tools: [lookup] });
const content = 'Look the note called `note` up, and tell me the word in it that begins with RIVER-.';
const ask = { messages: [{ role: 'user', content }] };

// Streamed and whole, because frameworks do both.
let said = '';
for await (const [chunk] of await agent.stream(ask, { streamMode: 'messages' })) {
  if (chunk.getType() === 'ai') said += chunk.text;
}
const whole = (await agent.invoke(ask)).messages.at(-1).text;
if (!whole || !said.includes(whole)) throw new Error(`streamed ${said}, whole ${whole}`);
console.log(whole);
