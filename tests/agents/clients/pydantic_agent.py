"""An agent of Pydantic AI."""

import asyncio
import sys

from pydantic_ai import Agent

from task import GATEWAY, TASK, lookup


def model(dialect):
    if dialect == "anthropic_messages":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider
        return AnthropicModel("claude-sonnet-5", provider=AnthropicProvider(base_url=GATEWAY, api_key="sk-ant-agent"))
    if dialect == "gemini":
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider
        return GoogleModel("gemini-2.5-pro", provider=GoogleProvider(base_url=GATEWAY, api_key="agent-key"))
    from pydantic_ai.providers.openai import OpenAIProvider
    provider = OpenAIProvider(base_url=f"{GATEWAY}/v1", api_key="sk-agent")
    if dialect == "openai_responses":
        from pydantic_ai.models.openai import OpenAIResponsesModel
        return OpenAIResponsesModel("gpt-5.4", provider=provider)
    from pydantic_ai.models.openai import OpenAIChatModel
    return OpenAIChatModel("gpt-5.4", provider=provider)


async def main():
    agent = Agent(model(sys.argv[1]), tools=[lookup])
    async with agent.run_stream(TASK) as streamed:
        print(await streamed.get_output())
    print((await agent.run(TASK)).output)


asyncio.run(main())
