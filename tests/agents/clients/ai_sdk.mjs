// An agent of the Vercel AI SDK.

import { readFileSync } from 'node:fs';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const { GATEWAY, NOTE } = process.env;
const openai = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: 'sk-agent' });
const models = {
  anthropic_messages: () => createAnthropic({ baseURL: `${GATEWAY}/v1`, apiKey: 'sk-ant-agent' })('claude-sonnet-5'),
  openai_chat: () => openai.chat('gpt-5.4'),
  openai_responses: () => openai.responses('gpt-5.4'),
  gemini: () => createGoogleGenerativeAI({ baseURL: `${GATEWAY}/v1beta`, apiKey: 'agent-key' })('gemini-2.5-pro'),
};
const lookup = tool({
  description: 'Gives the text of the note of that name.',
  inputSchema: z.object({ name: z.string() }),
  execute: async ({ name }) => `${name}: ${readFileSync(NOTE, 'utf8')}`,
});
const ask = {
  model: models[process.argv[2]](),
  tools: { lookup },
  stopWhen: stepCountIs(4),
  maxRetries: 0,
  prompt: 'Look the note called `note` up, and tell me the word in it that begins with RIVER-.',
};
console.log((await generateText(ask)).text);
console.log(await streamText({ ...ask, onError: ({ error }) => { throw error; } }).text);
