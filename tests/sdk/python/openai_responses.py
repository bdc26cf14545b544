"""The official OpenAI SDK's Responses before a gateway."""

import json

import openai
import pydantic

from cases import (ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, WEATHER, Suite, behave,
                   described, raised_by, requests_at, whole)

MODEL = "gpt-5"
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
    return {"model": MODEL, "input": content, "store": False, **more}


def checked(response):
    """What must be equal, whoever answered."""
    assert response.object == "response" and response.id.startswith("resp_") and response.model
    assert response.created_at > 0 and response.error is None, response
    usage = response.usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0, usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
    assert usage.input_tokens_details.cached_tokens >= 0
    assert usage.output_tokens_details.reasoning_tokens >= 0
    kinds = [item.type for item in response.output]
    assert set(kinds) <= {"message", "function_call"}, kinds
    assert len({item.id for item in response.output}) == len(kinds), response.output
    calls = [item for item in response.output if item.type == "function_call"]
    assert all(call.call_id for call in calls), calls
    said = [(call.name, json.loads(call.arguments)) for call in calls]
    return response.status, response.output_text, said


def text(**more):
    status, content, _ = checked(sdk.responses.create(**ask(**more)))
    assert status == "completed", status
    return whole(content)


def raw_stream(asked):
    """Climbs the ladder of events and puts the answer together from them."""
    items, parts, numbers, last = {}, {}, [], None
    for event in sdk.responses.create(**asked, stream=True):
        numbers.append(event.sequence_number)
        assert (event.type == "response.created") == (len(numbers) == 1), event
        assert last is None, f"{event.type} after the end"
        if event.type == "response.output_item.added":
            assert event.output_index == len(items), event
            items[event.output_index] = [event.item.id, event.item.type, ""]
        elif event.type in ("response.output_text.delta", "response.function_call_arguments.delta"):
            assert event.item_id == items[event.output_index][0], event
            items[event.output_index][2] += event.delta
        elif event.type == "response.content_part.added":
            parts[event.item_id, event.content_index] = event.part
        elif event.type == "response.output_text.done":
            assert event.text == items[event.output_index][2], event
            assert (event.item_id, event.content_index) in parts, event
        elif event.type == "response.function_call_arguments.done":
            assert event.arguments == items[event.output_index][2], event
        elif event.type == "response.output_item.done":
            assert event.item.id == items[event.output_index][0], event
        elif event.type == "response.completed":
            last = event.response
    assert numbers == list(range(len(numbers))), numbers
    assert [item.id for item in last.output] == [item[0] for item in items.values()], last
    content = "".join(said for _, kind, said in items.values() if kind == "message")
    calls = [json.loads(said) for _, kind, said in items.values() if kind == "function_call"]
    status, final, said = checked(last)
    assert final == content and [args for _, args in said] == calls, last
    return status, content, said


def streamed_text():
    status, content, _ = raw_stream(ask())
    assert status == "completed"
    return whole(content)


def helper_text():
    with sdk.responses.stream(**ask()) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        response = stream.get_final_response()
    assert len(pieces) > 1 and "".join(pieces) == response.output_text
    return checked(response)


def image():
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
    words = {"type": "input_text", "text": "What is this?"}
    return text(content=[{"role": "user", "content": [picture, words]}])


def function(name, schema, **more):
    return {"type": "function", "name": name, "description": f"The {name}.", "parameters": schema,
            "strict": True, **more}


TOOLS = [function("weather", WEATHER), function("stock", STOCK)]


def answered(asked, response):
    """The conversation as an application sends it on: what came back, and the results."""
    forms = ["sunny", [{"type": "input_text", "text": "seven"}]]
    calls = [item for item in response.output if item.type == "function_call"]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": forms[nth]}
               for nth, call in enumerate(calls)]
    turns = asked["input"]
    turns = turns if isinstance(turns, list) else [{"role": "user", "content": turns}]
    return {**asked, "input": [*turns, *response.output, *results], "tool_choice": "auto"}


def names(response):
    return [item.name for item in response.output if item.type == "function_call"]


def one_tool():
    asked = ask("How is the weather?", tools=TOOLS, tool_choice={"type": "function", "name": "weather"})
    response = sdk.responses.create(**asked)
    assert names(response) == ["weather"], response
    return checked(response), checked(sdk.responses.create(**answered(asked, response)))


def not_parallel():
    asked = ask("The weather and the stock, please.", tools=TOOLS, parallel_tool_calls=False,
                tool_choice="required")
    response = sdk.responses.create(**asked)
    assert len(names(response)) == 1, response
    return checked(response)


def parallel_tools():
    asked = ask("The weather and the stock, please.", tools=TOOLS)
    response = sdk.responses.create(**asked)
    assert names(response) == ["weather", "stock"], response
    return checked(response), checked(sdk.responses.create(**answered(asked, response)))


def streamed_tools():
    asked = ask("The weather and the stock, please.", tools=TOOLS)
    _, content, calls = raw_stream(asked)
    assert [name for name, _ in calls] == ["weather", "stock"], calls
    with sdk.responses.stream(**asked) as stream:
        kinds = {event.type for event in stream}
        response = stream.get_final_response()
    assert "response.function_call_arguments.delta" in kinds, kinds
    assert checked(response)[2] == calls, response
    return content, calls, checked(sdk.responses.create(**answered(asked, response)))


def conversation():
    return text(instructions="You are a poet.", content=[
        {"role": "developer", "content": [{"type": "input_text", "text": "You like rivers."}]},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "Tell me about the sea."},
        {"role": "developer", "content": "Be brief from now on."},
    ])


def schema():
    form = {"type": "json_schema", "name": "address", "strict": True, "schema": ADDRESS}
    found = json.loads(checked(sdk.responses.create(**ask(text={"format": form})))[1])
    assert set(found) == set(ADDRESS["properties"]), found
    return found


def parsed():
    address = sdk.responses.parse(**ask(text_format=Address)).output_parsed
    assert isinstance(address, Address), address
    return address.model_dump()


def parsed_stream():
    with sdk.responses.stream(**ask(text_format=Address)) as stream:
        address = stream.get_final_response().output_parsed
    assert isinstance(address, Address), address
    return address.model_dump()


def request_id():
    raw = sdk.responses.with_raw_response.create(**ask())
    assert raw.request_id and raw.parse()._request_id == raw.request_id
    assert raw.headers["x-request-id"].startswith("req_"), raw.headers
    return checked(raw.parse())


BOTH = {
    "unary text": text,
    "streamed text, raw": streamed_text,
    "streamed text, .stream()": helper_text,
    "image": image,
    "one tool, chosen; result": one_tool,
    "one call at a time": not_parallel,
    "parallel tools; results": parallel_tools,
    "parallel tools, streamed; results": streamed_tools,
    "instructions, developer items": conversation,
    "json_schema": schema,
    ".parse()": parsed,
    ".stream() with a schema": parsed_stream,
    "reasoning effort, max_output_tokens": lambda: text(
        reasoning={"effort": "high", "summary": "auto"}, max_output_tokens=4096,
        include=["reasoning.encrypted_content"]),
    "raw response, request id, usage": request_id,
}


def previous():
    """An answer that stood in for the provider's is kept by nobody."""
    behave({"provider": "openai", "symptom": "http_503"})
    first = sdk.responses.create(**ask())
    error = raised_by(lambda: sdk.responses.create(**ask(previous_response_id=first.id)))
    assert isinstance(error, openai.BadRequestError), described(error)
    assert error.code == "previous_response_not_found" and "input" in error.message, error.body
    return described(error)


def namespace():
    """A function of the client in a group: the stand-in's call bears both names, and so may its replay."""
    behave({"provider": "openai", "symptom": "http_503"})
    group = {"type": "namespace", "name": "agents", "description": "Sub-agents.", "tools": [function("spawn", WEATHER)]}
    asked = ask("An agent, please.", tools=[group])
    response = sdk.responses.create(**asked)
    [call] = [item for item in response.output if item.type == "function_call"]
    assert (call.name, call.namespace) == ("spawn", "agents"), call
    streamed = [event.item for event in sdk.responses.create(**asked, stream=True)
                if event.type == "response.output_item.done" and event.item.type == "function_call"]
    assert [(item.name, item.namespace) for item in streamed] == [("spawn", "agents")], streamed
    whole(sdk.responses.create(**answered(asked, response)).output_text)


OWN_DEAD = {"provider": "openai", "symptom": "http_503"}
OWN_BREAKS = {"provider": "openai", "symptom": "reset_mid_body"}
SITUATIONS = {"own dialect": [], "other dialect": [OWN_DEAD], "broken stream": [OWN_BREAKS]}


def left(**more):
    """A request that nobody waits for."""
    return {**ask(**more), "store": True, "background": True}


def polled(response):
    """Asks until the answer is there, as the documentation of the API does."""
    assert response.id.startswith("resp_") and response.background is True, response
    while response.status in ("queued", "in_progress"):
        response = sdk.responses.retrieve(response.id)
    return response


def in_background():
    for situation, behaviours in SITUATIONS.items():
        behave(*behaviours)
        first = sdk.responses.create(**left(metadata={"job": "7"}))
        assert first.status == "queued" and first.metadata == {"job": "7"}, first
        response = polled(first)
        status, content, _ = checked(response)
        assert status == "completed" and whole(content), (situation, response)
        assert (response.id, response.store, response.background) == (first.id, True, True), response
        items = sdk.responses.input_items.list(first.id)
        assert items.data[0].content[0].text == "Tell me about rivers.", items
        after = sdk.responses.create(**{**ask("And the sea?"), "previous_response_id": first.id})
        assert after.previous_response_id == first.id and after.output_text, after
        sdk.responses.delete(first.id)
        error = raised_by(lambda: sdk.responses.retrieve(first.id))
        assert isinstance(error, openai.NotFoundError), described(error)


def resumed():
    for situation, behaviours in SITUATIONS.items():
        behave(*behaviours)
        seen, pieces, name = -1, [], None
        with sdk.responses.create(**left(), stream=True) as stream:
            for event in stream:
                assert event.sequence_number == seen + 1, event
                seen = event.sequence_number
                name = event.response.id if event.type == "response.created" else name
                if event.type == "response.output_text.delta":
                    pieces.append(event.delta)
                    break
        for event in sdk.responses.retrieve(name, stream=True, starting_after=seen):
            assert event.sequence_number == seen + 1, event
            seen = event.sequence_number
            if event.type == "response.output_text.delta":
                pieces.append(event.delta)
        assert event.type == "response.completed" and event.response.id == name, event
        _, content, _ = checked(event.response)
        assert "".join(pieces) == content == polled(event.response).output_text, situation
        with sdk.responses.stream(response_id=name, starting_after=2) as stream:
            numbers = [event.sequence_number for event in stream]
            response = stream.get_final_response()
        assert numbers == list(range(3, seen + 1)), numbers
        assert response.output_text == content and response.id == name, response


def helper_in_background():
    for behaviours in SITUATIONS.values():
        behave(*behaviours)
        with sdk.responses.stream(**left()) as stream:
            response = stream.get_final_response()
        assert checked(response)[:2] == checked(polled(response))[:2], response


def cancelled():
    hangs = [{"provider": name, "symptom": "silence_mid_stream"} for name in ("openai", "anthropic")]
    behave(*hangs)
    first = sdk.responses.create(**left())
    for _ in range(2):
        assert sdk.responses.cancel(first.id).status == "cancelled"
    assert polled(first).status == "cancelled"
    behave()
    plain = sdk.responses.create(**{**ask(), "store": True})
    error = raised_by(lambda: sdk.responses.cancel(plain.id))
    assert isinstance(error, openai.BadRequestError), described(error)


def failed():
    behave({"symptom": "http_503"})
    response = client(DOWN).responses.create(**left())
    while response.status in ("queued", "in_progress"):
        response = client(DOWN).responses.retrieve(response.id)
    assert response.status == "failed" and response.error.message, response
    assert response.error.code == "server_error", response.error
    return f"{response.error.code}: {response.error.message}"


def unkept():
    behave()
    error = raised_by(lambda: sdk.responses.create(**{**left(), "store": False}))
    assert isinstance(error, openai.BadRequestError), described(error)


def down(model, symptom, should_retry, expected):
    behave(symptom)
    before = requests_at(DOWN_CONSOLE)
    error = raised_by(lambda: client(DOWN, 1).responses.create(**{**ask(), "model": model}))
    assert isinstance(error, expected), described(error)
    assert error.response.headers["x-should-retry"] == should_retry, error.response.headers
    requests = requests_at(DOWN_CONSOLE) - before
    assert requests == (2 if should_retry == "true" else 1), requests
    return f"{described(error)}, {requests:.0f} request(s)"


def broken_raw():
    behave({"provider": "openai", "symptom": "reset_mid_body"})
    seen = []

    def read():
        for event in alone.responses.create(**ask(), stream=True):
            seen.append(event.type)

    error = raised_by(read)
    assert "response.output_text.delta" in seen, "nothing came before the break"
    assert seen[-1] == "response.failed", seen[-1]
    return described(error)


def broken_helper():
    behave({"provider": "openai", "symptom": "reset_mid_body"})

    def read():
        with alone.responses.stream(**ask()) as stream:
            return stream.get_final_response()

    return described(raised_by(read))


suite.both(BOTH)
suite.once("other dialect", {"tools in a namespace": namespace})
suite.once("background", {
    "polled": in_background,
    "read along, broken away from, resumed": resumed,
    ".stream()": helper_in_background,
    "cancelled": cancelled,
    "failed": failed,
    "without store": unkept,
})
suite.once("errors", {
    "everything down, worth a retry": lambda: down(
        MODEL, {"symptom": "http_503"}, "true", openai.InternalServerError),
    "limited for a minute, not worth a retry": lambda: down(
        PLAIN_MODEL, {"symptom": "rate_limit", "retry_after_s": 60}, "false", openai.RateLimitError),
    "previous_response_id of a stand-in": previous,
})
suite.once("broken stream", {"raw": broken_raw, ".stream()": broken_helper})
suite.finish()
