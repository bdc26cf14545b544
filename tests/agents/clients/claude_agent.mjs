// An agent of the Claude Agent SDK, which runs a Claude Code of its own.

import { query } from '@anthropic-ai/claude-agent-sdk';

const run = query({
  prompt: 'Read the file note.txt in this folder and tell me the word in it that begins with RIVER-.',
  options: { model: 'claude-sonnet-5', allowedTools: ['Read'], maxTurns: 4, includePartialMessages: true },
});
for await (const message of run) {
  if (message.type === 'result') console.log(message.result);
}
