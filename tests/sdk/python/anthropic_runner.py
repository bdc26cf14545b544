"""The tool runners of the official Anthropic SDK before a gateway."""

import asyncio

import anthropic
from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import ToolError

from cases import LADDER, Suite, whole

MODEL = "claude-opus-4-8"
suite = Suite("anthropic", "openai", "http_529")
called = []


def note(response):
    """Nothing is asked twice: the conversation that the runner leaves behind is held."""
    assert response.status_code == 200, response
    suite.note_headers(response.headers)


async def note_later(response):
    note(response)


sdk = anthropic.Anthropic(
    base_url=LADDER, api_key="sk-test", max_retries=0,
    http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [note]}))


@beta_tool
def weather(city: str, days: int) -> str:
    """The weather of a city."""
    called.append((city, days))
    return "sunny"


@beta_async_tool
async def weather_later(city: str, days: int) -> str:
    """The weather of a city."""
    called.append((city, days))
    return "sunny"


@beta_tool
def failing(city: str) -> str:
    """The weather of a city."""
    called.append(city)
    raise ToolError("no such city")


def ask(tools, **more):
    messages = [{"role": "user", "content": "How is the weather?"}]
    return {"model": MODEL, "max_tokens": 2048, "messages": messages, "tools": tools, **more}


def said(message):
    return "".join(block.text for block in message.content if block.type == "text")


def told(messages, final):
    """What must be equal, whoever answered: each turn, the calls, the end."""
    assert [message.stop_reason for message in messages] == ["tool_use", "end_turn"], messages
    assert final.id == messages[-1].id
    return [said(message) for message in messages], list(called), whole(said(final))


def run(tools, **more):
    called.clear()
    messages = list(sdk.beta.messages.tool_runner(**ask(tools, **more)))
    return told(messages, messages[-1])


def until_done():
    called.clear()
    final = sdk.beta.messages.tool_runner(**ask([weather])).until_done()
    assert len(called) == 1, called
    return list(called), whole(said(final))


def streamed():
    called.clear()
    messages = []
    for stream in sdk.beta.messages.tool_runner(**ask([weather], stream=True)):
        kinds = [event.type for event in stream]
        assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
        messages.append(stream.get_final_message())
    return told(messages, messages[-1])


async def in_parallel():
    http = anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [note_later]})
    async with anthropic.AsyncAnthropic(base_url=LADDER, api_key="sk-test", max_retries=0,
                                        http_client=http) as later:
        called.clear()
        runners = [later.beta.messages.tool_runner(**ask([weather_later])) for _ in range(3)]
        finals = await asyncio.gather(*(runner.until_done() for runner in runners))
        return list(called), [whole(said(final)) for final in finals]


suite.both({
    "tool runner": lambda: run([weather]),
    "tool runner, its own history": lambda: run([weather], thread=False),
    "tool runner, a tool that fails": lambda: run([failing]),
    "tool runner, until_done": until_done,
    "tool runner, streamed": streamed,
    "three asynchronous tool runners": lambda: asyncio.run(in_parallel()),
})
suite.finish()
