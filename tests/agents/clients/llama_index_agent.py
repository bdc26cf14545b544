"""An agent of LlamaIndex."""

import asyncio
import sys

from llama_index.core.agent.workflow import FunctionAgent

from task import GATEWAY, TASK, lookup


def model(dialect):
    if dialect == "anthropic_messages":
        from llama_index.llms.anthropic import Anthropic
        return Anthropic(model="claude-sonnet-4-5", base_url=GATEWAY, api_key="sk-ant-agent", max_retries=0)
    if dialect == "openai_responses":
        from llama_index.llms.openai import OpenAIResponses
        return OpenAIResponses(model="gpt-5", api_base=f"{GATEWAY}/v1", api_key="sk-agent", max_retries=0)
    from llama_index.llms.openai import OpenAI
    return OpenAI(model="gpt-4o", api_base=f"{GATEWAY}/v1", api_key="sk-agent", max_retries=0)


async def main():
    for streaming in (True, False):
        agent = FunctionAgent(tools=[lookup], llm=model(sys.argv[1]), streaming=streaming)
        print(await agent.run(user_msg=TASK))


asyncio.run(main())
