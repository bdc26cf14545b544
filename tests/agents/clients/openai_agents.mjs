// An agent of the OpenAI Agents SDK for TypeScript.

import { readFileSync } from 'node:fs';
import { Agent, OpenAIProvider, Runner, tool } from '@openai/agents';
import { z } from 'zod';

const { GATEWAY, NOTE } = process.env;
const modelProvider = new OpenAIProvider({
  baseURL: `${GATEWAY}/v1`, apiKey: 'sk-agent', useResponses: process.argv[2] === 'openai_responses',
});
const lookup = tool({
  name: 'lookup', description: 'Gives the text of the note of that name.',
  parameters: z.object({ name: z.string() }),
  execute: async ({ name }) => `${name}: ${readFileSync(NOTE, 'utf8')}`,
});
const agent = new Agent({ name: 'reader', model: 'gpt-5.4', tools: [lookup] });
const runner = new Runner({ modelProvider, tracingDisabled: true });
const ask = 'Look the note called `note` up, and tell me the word in it that begins with RIVER-.';

console.log((await runner.run(agent, ask)).finalOutput);
const streamed = await runner.run(agent, ask, { stream: true });
for await (const _ of streamed);
await streamed.completed;
console.log(streamed.finalOutput);
