"""The official OpenAI SDK before a gateway."""

import json

import openai
import pydantic

from cases import (ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, WEATHER, Suite, behave,
                   described, raised_by, requests_at, whole)

MODEL = "gpt-5"
# Reasoning models refuse `stop`; this one takes it.
PLAIN_MODEL = "gpt-4.1"
suite = Suite("openai", "anthropic", "http_503")


def client(url, retries=0):
    hooks = {"response": [lambda response: suite.note_headers(response.headers)]}
    http = openai.DefaultHttpxClient(event_hooks=hooks)
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=retries, http_client=http)


sdk = client(LADDER)
alone = client(ALONE)


class Address(pydantic.BaseModel):
    street: str
    number: int
    tags: list[str]


def ask(content="Tell me about rivers.", **more):
    messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
    return {"model": MODEL, "messages": messages, **more}


def checked(completion):
    """What must be equal, whoever answered."""
    assert completion.object == "chat.completion" and completion.id and completion.model
    assert completion.created > 0
    usage = completion.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    (choice,) = completion.choices
    assert choice.index == 0 and choice.message.role == "assistant", choice
    calls = choice.message.tool_calls or []
    assert all(call.id and call.type == "function" for call in calls), calls
    said = [(call.function.name, json.loads(call.function.arguments)) for call in calls]
    return choice.finish_reason, choice.message.content, choice.message.refusal, said


def text(**more):
    reason, content, _, _ = checked(sdk.chat.completions.create(**ask(**more)))
    assert reason == "stop", reason
    return whole(content)


def raw_stream(asked):
    """Checks the order of chunks and puts the answer together from them."""
    content, calls, reasons, usages, ids, count = "", [], [], [], set(), 0
    options = {"include_usage": True}
    for chunk in sdk.chat.completions.create(**asked, stream=True, stream_options=options):
        assert chunk.object == "chat.completion.chunk", chunk
        ids.add((chunk.id, chunk.model))
        if chunk.usage:
            assert not chunk.choices, chunk
            usages.append(chunk.usage)
            continue
        assert not usages, "a chunk after the usage"
        (choice,) = chunk.choices
        count += 1
        assert not reasons, "a chunk after the end"
        content += choice.delta.content or ""
        for part in choice.delta.tool_calls or []:
            if part.index == len(calls):
                assert part.id and part.type == "function", part
                calls.append([part.id, part.function.name, ""])
            calls[part.index][2] += part.function.arguments or ""
        if choice.finish_reason:
            reasons.append(choice.finish_reason)
    assert len(ids) == 1 and len(reasons) == 1 and len(usages) == 1, (ids, reasons, usages)
    assert usages[0].completion_tokens > 0 and count > 2, usages
    assert len({call[0] for call in calls}) == len(calls), calls
    return reasons[0], content, [(name, json.loads(said)) for _, name, said in calls]


def streamed_text():
    reason, content, _ = raw_stream(ask())
    assert reason == "stop"
    return whole(content)


def without_usage():
    chunks = list(sdk.chat.completions.create(**ask(), stream=True))
    assert all(chunk.usage is None and len(chunk.choices) == 1 for chunk in chunks)
    return whole("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


def helper_text():
    with sdk.chat.completions.stream(**ask(), stream_options={"include_usage": True}) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        completion = stream.get_final_completion()
    assert len(pieces) > 1 and "".join(pieces) == completion.choices[0].message.content
    return checked(completion)


def picture():
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}


def image():
    return text(content=[{"role": "user", "content": [
        picture(), {"type": "text", "text": "What is this?"}]}])


def function(name, schema, **more):
    return {"type": "function", "function": {"name": name, "description": f"The {name}.",
                                             "parameters": schema, **more}}


TOOLS = [function("weather", WEATHER), function("stock", STOCK)]


def turn(message):
    """The assistant's turn as an application sends it back."""
    return message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)


def results(calls):
    forms = ["sunny", [{"type": "text", "text": "seven"}]]
    return [{"role": "tool", "tool_call_id": call.id, "content": forms[nth]}
            for nth, call in enumerate(calls)]


def one_tool():
    asked = ask("How is the weather?", tools=TOOLS,
                tool_choice={"type": "function", "function": {"name": "weather"}})
    completion = sdk.chat.completions.create(**asked)
    message = completion.choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["weather"], message
    turns = [*asked["messages"], turn(message), *results(message.tool_calls)]
    more = {**asked, "messages": turns, "tool_choice": "auto"}
    return checked(completion), checked(sdk.chat.completions.create(**more))


def not_parallel():
    asked = ask("The weather and the stock, please.", tools=TOOLS, parallel_tool_calls=False,
                tool_choice="required")
    found = checked(sdk.chat.completions.create(**asked))
    assert found[0] == "tool_calls" and len(found[3]) == 1, found
    return found


def parallel_tools():
    asked = ask("The weather and the stock, please.", tools=TOOLS)
    completion = sdk.chat.completions.create(**asked)
    message = completion.choices[0].message
    assert completion.choices[0].finish_reason == "tool_calls", completion
    assert [call.function.name for call in message.tool_calls] == ["weather", "stock"], message
    turns = [*asked["messages"], turn(message), *results(message.tool_calls)]
    second = checked(sdk.chat.completions.create(**{**asked, "messages": turns}))
    assert second[0] == "stop", second
    return checked(completion), second


def streamed_tools():
    asked = ask("The weather and the stock, please.", tools=TOOLS)
    reason, content, calls = raw_stream(asked)
    assert reason == "tool_calls" and [name for name, _ in calls] == ["weather", "stock"], calls
    with sdk.chat.completions.stream(**asked) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message
    assert "tool_calls.function.arguments.delta" in kinds, kinds
    again = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
    assert again == calls, again
    turns = [*asked["messages"], turn(message), *results(message.tool_calls)]
    return content, calls, checked(sdk.chat.completions.create(**{**asked, "messages": turns}))


def system(*roles_and_contents):
    turns = [{"role": role, "content": content} for role, content in roles_and_contents]
    return lambda: text(content=[*turns, {"role": "user", "content": "Tell me about the sea."}])


def system_turn():
    return text(content=[
        {"role": "system", "content": "You are a poet."},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "Tell me about the sea."},
        {"role": "developer", "content": "Be brief from now on."},
    ])


def schema():
    form = {"type": "json_schema",
            "json_schema": {"name": "address", "strict": True, "schema": ADDRESS}}
    _, content, _, _ = checked(sdk.chat.completions.create(**ask(response_format=form)))
    found = json.loads(content)
    assert set(found) == set(ADDRESS["properties"]), found
    return found


def parsed():
    completion = sdk.chat.completions.parse(**ask(response_format=Address))
    address = completion.choices[0].message.parsed
    assert isinstance(address, Address), completion
    return address.model_dump()


def parsed_stream():
    with sdk.chat.completions.stream(**ask(response_format=Address)) as stream:
        completion = stream.get_final_completion()
    address = completion.choices[0].message.parsed
    assert isinstance(address, Address), completion
    return address.model_dump()


def parsed_tools():
    tool = openai.pydantic_function_tool(Address, name="address")
    completion = sdk.chat.completions.parse(**ask("The address, please.", tools=[tool]))
    (call,) = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Address), call
    return call.function.parsed_arguments.model_dump()


def request_id():
    raw = sdk.chat.completions.with_raw_response.create(**ask())
    assert raw.request_id and raw.parse()._request_id == raw.request_id
    assert raw.headers["x-request-id"].startswith("req_"), raw.headers
    return checked(raw.parse())


BOTH = {
    "unary text": text,
    "streamed text, raw": streamed_text,
    "streamed text, raw, no usage": without_usage,
    "streamed text, .stream()": helper_text,
    "image": image,
    "one tool, chosen; result": one_tool,
    "one call at a time": not_parallel,
    "parallel tools; results": parallel_tools,
    "parallel tools, streamed; results": streamed_tools,
    "system role": system(("system", "You are a poet.")),
    "developer role, parts": system(("developer", [{"type": "text", "text": "You are a poet."}])),
    "system and developer": system(("system", "You are a poet."), ("developer", "You like rivers.")),
    "developer turn in the conversation": system_turn,
    "json_schema": schema,
    ".parse()": parsed,
    ".stream() with a schema": parsed_stream,
    ".parse() with tools": parsed_tools,
    "stop sequences": lambda: text(model=PLAIN_MODEL, stop=["\n\nHuman:", "STOP"]),
    "reasoning_effort, max_completion_tokens": lambda: text(
        reasoning_effort="high", max_completion_tokens=4096),
    "reasoning_effort minimal": lambda: text(reasoning_effort="minimal"),
    "raw response, request id, usage": request_id,
}


def down(model, symptom, should_retry, expected):
    behave(symptom)
    before = requests_at(DOWN_CONSOLE)
    error = raised_by(lambda: client(DOWN, 1).chat.completions.create(**{**ask(), "model": model}))
    assert isinstance(error, expected), described(error)
    assert error.response.headers["x-should-retry"] == should_retry, error.response.headers
    assert error.request_id and error.type, error.body
    requests = requests_at(DOWN_CONSOLE) - before
    assert requests == (2 if should_retry == "true" else 1), requests
    return f"{described(error)}, {requests:.0f} request(s)"


def broken_raw():
    behave({"provider": "openai", "symptom": "reset_mid_body"})
    seen = []

    def read():
        for chunk in alone.chat.completions.create(**ask(), stream=True):
            seen.extend(choice.delta.content for choice in chunk.choices if choice.delta.content)

    error = raised_by(read)
    assert seen, "nothing came before the break"
    return described(error)


def broken_helper():
    behave({"provider": "openai", "symptom": "reset_mid_body"})

    def read():
        with alone.chat.completions.stream(**ask()) as stream:
            return stream.get_final_completion()

    return described(raised_by(read))


suite.both(BOTH)
suite.once("errors", {
    "everything down, worth a retry": lambda: down(
        MODEL, {"symptom": "http_503"}, "true", openai.InternalServerError),
    "limited for a minute, not worth a retry": lambda: down(
        PLAIN_MODEL, {"symptom": "rate_limit", "retry_after_s": 60}, "false", openai.RateLimitError),
})
suite.once("broken stream", {"raw": broken_raw, ".stream()": broken_helper})
suite.finish()
