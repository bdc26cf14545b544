"""The OpenAI Agents SDK before a gateway."""

import asyncio

import openai
import pydantic
from agents import (Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool,
                    set_tracing_disabled)

from cases import LADDER, Suite, whole

suite = Suite("openai", "anthropic", "http_503")
set_tracing_disabled(True)


class Address(pydantic.BaseModel):
    street: str
    number: int


async def note(response):
    suite.note_headers(response.headers)


def with_tool(model):
    """An agent, and what its tool was called with."""
    called = []

    @function_tool
    def weather(city: str, days: int) -> str:
        """The weather of a city."""
        called.append((city, days))
        return "sunny"

    return Agent(name="forecaster", instructions="You are brief.", model=model, tools=[weather]), called


def kinds(result):
    return [item.type for item in result.new_items]


def told(result, called):
    assert len(called) == 1, called
    calls = [kind for kind in kinds(result) if kind.startswith("tool_call")]
    assert calls == ["tool_call_item", "tool_call_output_item"], calls
    return kinds(result), called, whole(result.final_output)


async def streamed(agent, asked):
    result = Runner.run_streamed(agent, asked)
    raw = [event async for event in result.stream_events() if event.type == "raw_response_event"]
    assert len(raw) > 3, raw
    return result


async def tool(model, run):
    agent, called = with_tool(model)
    return told(await run(agent, "How is the weather?"), called)


async def handoff(model, run):
    poet = Agent(name="poet", instructions="You are a poet.", model=model)
    result = await run(Agent(name="desk", model=model, handoffs=[poet]), "A poem, please.")
    assert result.last_agent.name == "poet", result.last_agent
    return kinds(result), whole(result.final_output)


async def output_type(model, run):
    agent = Agent(name="clerk", model=model, output_type=Address)
    result = await run(agent, "An address, please.")
    assert isinstance(result.final_output, Address), result
    return result.final_output.model_dump()


async def second_question(model, run):
    agent, _ = with_tool(model)
    first = await run(agent, "How is the weather?")
    asked = [*first.to_input_list(), {"role": "user", "content": "And now?"}]
    return whole((await run(agent, asked)).final_output)


def acts(kind, act, run):
    async def alone():
        http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [note]})
        async with openai.AsyncOpenAI(base_url=f"{LADDER}/v1", api_key="sk-test", max_retries=0,
                                      http_client=http) as client:
            return await act(kind(model="gpt-5", openai_client=client), run)

    return lambda: asyncio.run(alone())


KINDS = {"responses": OpenAIResponsesModel, "chat": OpenAIChatCompletionsModel}
ACTS = {"tool": tool, "handoff": handoff, "output type": output_type,
        "second question in the same conversation": second_question}
RUNS = {"": Runner.run, ", streamed": streamed}
suite.both({f"{kind}: {name}{how}": acts(of, act, run) for kind, of in KINDS.items()
            for name, act in ACTS.items() for how, run in RUNS.items()})
suite.finish()
