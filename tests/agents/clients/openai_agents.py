"""An agent of the OpenAI Agents SDK."""

import asyncio
import sys

from agents import (Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool,
                    set_tracing_disabled)
from openai import AsyncOpenAI

from task import GATEWAY, TASK, lookup

set_tracing_disabled(True)
client = AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key="sk-agent", max_retries=0)
kind = OpenAIResponsesModel if sys.argv[1] == "openai_responses" else OpenAIChatCompletionsModel


async def main():
    agent = Agent(name="reader", model=kind(model="gpt-5.4", openai_client=client), tools=[function_tool(lookup)])
    print((await Runner.run(agent, TASK)).final_output)
    streamed = Runner.run_streamed(agent, TASK)
    async for _ in streamed.stream_events():
        pass
    print(streamed.final_output)


asyncio.run(main())
