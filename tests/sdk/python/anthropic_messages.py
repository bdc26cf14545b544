"""The official Anthropic SDK before a gateway."""

import json

import anthropic
import pydantic

from cases import (ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, WEATHER, Suite, behave,
                   described, raised_by, requests_at, whole)

MODEL = "claude-opus-4-8"
suite = Suite("anthropic", "openai", "http_529")


SENT = []


def client(url, retries=0):
    hooks = {"response": [lambda response: suite.note_headers(response.headers)],
             "request": [lambda request: SENT.append(json.loads(request.content or b"{}"))]}
    http = anthropic.DefaultHttpxClient(event_hooks=hooks)
    return anthropic.Anthropic(base_url=url, api_key="sk-test", max_retries=retries, http_client=http)


sdk = client(LADDER)
alone = client(ALONE)


class Address(pydantic.BaseModel):
    street: str
    number: int
    tags: list[str]


def ask(content="Tell me about rivers.", **more):
    messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
    return {"model": MODEL, "max_tokens": 2048, "messages": messages, **more}


def checked(message):
    """What must be equal, whoever answered."""
    assert message.type == "message" and message.role == "assistant" and message.id
    assert message.model, "no model"
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0, message.usage
    blocks = []
    for block in message.content:
        assert block.type in ("text", "tool_use"), block
        if block.type == "tool_use":
            assert block.id, block
        blocks.append(block.text if block.type == "text" else (block.name, block.input))
    return message.stop_reason, message.stop_sequence, blocks


def text(**more):
    reason, _, blocks = checked(sdk.messages.create(**ask(**more)))
    assert reason == "end_turn", reason
    return whole("".join(blocks))


def raw_stream(asked):
    """Checks the order of events and puts the message together from them."""
    kinds, texts, inputs, usage, reason = [], {}, {}, None, None
    opened = None
    for event in sdk.messages.create(**asked, stream=True):
        kinds.append(event.type)
        if event.type == "message_start":
            assert event.message.id and event.message.model and not event.message.content
        elif event.type == "content_block_start":
            assert opened is None and event.index == len(texts) + len(inputs), event
            opened = event.index
            if event.content_block.type == "tool_use":
                inputs[event.index] = [event.content_block.name, ""]
            else:
                texts[event.index] = ""
        elif event.type == "content_block_delta":
            assert event.index == opened, event
            if event.delta.type == "input_json_delta":
                inputs[event.index][1] += event.delta.partial_json
            else:
                texts[event.index] += event.delta.text
        elif event.type == "content_block_stop":
            assert event.index == opened, event
            opened = None
        elif event.type == "message_delta":
            reason, usage = event.delta.stop_reason, event.usage
    kinds = [kind for kind in kinds if kind != "ping"]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds
    assert kinds.count("content_block_delta") > 1, kinds
    assert usage.output_tokens > 0, usage
    return reason, list(texts.values()), [(name, json.loads(said)) for name, said in inputs.values()]


def streamed_text():
    reason, texts, _ = raw_stream(ask())
    assert reason == "end_turn"
    return whole("".join(texts))


def helper_text():
    with sdk.messages.stream(**ask()) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
        assert stream.request_id, "no request id"
    assert len(pieces) > 1 and "".join(pieces) == message.content[0].text
    return checked(message)


def image():
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    return text(content=[{"role": "user", "content": [
        {"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]}])


TOOLS = [
    {"name": "weather", "description": "The weather.", "input_schema": WEATHER},
    {"name": "stock", "description": "What is in stock.", "input_schema": STOCK},
]


def results(calls):
    """The results of the calls, as text and as blocks."""
    forms = [{"content": "sunny"}, {"content": [{"type": "text", "text": "seven"}]}]
    return [{"type": "tool_result", "tool_use_id": call.id, **forms[nth]} for nth, call in enumerate(calls)]


def one_tool():
    asked = ask("How is the weather?", tools=TOOLS, tool_choice={"type": "tool", "name": "weather"})
    message = sdk.messages.create(**asked)
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["weather"] and message.stop_reason == "tool_use", message
    assert isinstance(calls[0].input["days"], int), calls
    turns = [*asked["messages"], {"role": "assistant", "content": message.content},
             {"role": "user", "content": [{"type": "tool_result", "tool_use_id": calls[0].id,
                                           "content": "no such city", "is_error": True}]}]
    return checked(message), checked(sdk.messages.create(**{**asked, "messages": turns,
                                                            "tool_choice": {"type": "auto"}}))


def parallel_tools():
    asked = ask("The weather and the stock, please.", tools=TOOLS)
    message = sdk.messages.create(**asked)
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["weather", "stock"], message
    assert calls[0].id != calls[1].id, calls
    turns = [*asked["messages"], {"role": "assistant", "content": message.content},
             {"role": "user", "content": results(calls)}]
    second = checked(sdk.messages.create(**{**asked, "messages": turns}))
    assert second[0] == "end_turn", second
    return checked(message), second


def image_as_result():
    """Chat Completions takes it beside the results only, so what is said next may differ."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Ulm", "days": 1}}
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    result = {"type": "tool_result", "tool_use_id": "toolu_1",
              "content": [{"type": "text", "text": "a map"}, {"type": "image", "source": source}]}
    turns = [{"role": "user", "content": "How is the weather?"}, {"role": "assistant", "content": [call]},
             {"role": "user", "content": [result]}]
    checked(sdk.messages.create(**ask(turns, tools=TOOLS)))


def streamed_tools():
    asked = ask("The weather and the stock, please.", tools=TOOLS)
    reason, texts, calls = raw_stream(asked)
    assert reason == "tool_use" and [name for name, _ in calls] == ["weather", "stock"], calls
    with sdk.messages.stream(**asked) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_message()
    assert "input_json" in kinds, kinds
    calls_again = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert calls_again == calls, calls_again
    turns = [*asked["messages"], {"role": "assistant", "content": message.content},
             {"role": "user", "content": results([b for b in message.content if b.type == "tool_use"])}]
    with sdk.messages.stream(**{**asked, "messages": turns}) as stream:
        return texts, calls, checked(stream.get_final_message())


def system_turn():
    return text(content=[
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "Tell me about the sea."},
        {"role": "system", "content": "Be brief from now on."},
    ])


def schema():
    form = {"format": {"type": "json_schema", "schema": ADDRESS}}
    _, _, blocks = checked(sdk.messages.create(**ask(output_config=form)))
    found = json.loads("".join(blocks))
    assert set(found) == set(ADDRESS["properties"]), found
    return found


def parsed():
    message = sdk.messages.parse(**ask(output_format=Address))
    assert isinstance(message.parsed_output, Address), message
    return message.parsed_output.model_dump()


def parsed_stream():
    with sdk.messages.stream(**ask(output_format=Address)) as stream:
        message = stream.get_final_message()
    assert isinstance(message.parsed_output, Address), message
    return message.parsed_output.model_dump()


def request_id():
    raw = sdk.messages.with_raw_response.create(**ask())
    assert raw.request_id and raw.parse()._request_id == raw.request_id
    assert raw.headers["request-id"].startswith("req_"), raw.headers
    return checked(raw.parse())


CALLED = []


@anthropic.beta_tool
def weather(city: str, days: int) -> str:
    """The weather of a city over some days."""
    CALLED.append((city, days))
    return "sunny"


def threaded():
    """What was sent since the beginning: one thread, of which each turn says only what is new."""
    kinds = [(sent.get("thread") or {}).get("type") for sent in SENT]
    assert kinds == ["create"] + ["continue"] * (len(SENT) - 1) and len(SENT) > 1, kinds
    assert all(len(sent["messages"]) == 1 and "tools" not in sent for sent in SENT[1:]), SENT
    assert len(suite.headers) == len(SENT), "something was sent again"


def tool_runner():
    said = []
    for stream in (False, True):
        SENT.clear()
        CALLED.clear()
        suite.headers.clear()
        runner = sdk.beta.messages.tool_runner(
            **ask("How is the weather?"), system="You are a poet.", tools=[weather], stream=stream)
        last = runner.until_done()
        assert CALLED and last.stop_reason == "end_turn", last
        threaded()
        said.append((list(CALLED), whole(last.content[0].text)))
    return said


def thread():
    SENT.clear()
    suite.headers.clear()
    thread = sdk.beta.messages.thread(model=MODEL, max_tokens=2048)
    said = [thread.send({"role": "user", "content": "Tell me about rivers."})]
    with thread.stream({"role": "user", "content": "And the sea?"}) as stream:
        said.append(stream.get_final_message())
    said.append(thread.send({"role": "user", "content": "And the sky?"}))
    threaded()
    return [checked(message) for message in said]


BOTH = {
    "tool runner, on a thread": tool_runner,
    "message thread": thread,
    "unary text": text,
    "streamed text, raw": streamed_text,
    "streamed text, .stream()": helper_text,
    "image": image,
    "one tool, chosen; failed result": one_tool,
    "parallel tools; results": parallel_tools,
    "parallel tools, streamed; results": streamed_tools,
    "image as a tool's result": image_as_result,
    "system as string": lambda: text(system="You are a poet."),
    "system as blocks": lambda: text(system=[
        {"type": "text", "text": "You are a poet.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "You like rivers."}]),
    "system turn in the conversation": system_turn,
    "json_schema": schema,
    ".parse()": parsed,
    ".stream() with a schema": parsed_stream,
    "stop sequences": lambda: text(stop_sequences=["\n\nHuman:", "STOP"]),
    "thinking adaptive, effort": lambda: text(
        thinking={"type": "adaptive"}, output_config={"effort": "high"}),
    "thinking disabled": lambda: text(thinking={"type": "disabled"}),
    "raw response, request id, usage": request_id,
}


def down(model, symptom, should_retry, expected):
    behave(symptom)
    before = requests_at(DOWN_CONSOLE)
    error = raised_by(lambda: client(DOWN, 1).messages.create(**{**ask(), "model": model}))
    assert isinstance(error, expected), described(error)
    assert error.response.headers["x-should-retry"] == should_retry, error.response.headers
    assert error.request_id and error.body["type"] == "error", error.body
    requests = requests_at(DOWN_CONSOLE) - before
    assert requests == (2 if should_retry == "true" else 1), requests
    return f"{described(error)}, {requests:.0f} request(s)"


def broken_raw():
    behave({"provider": "anthropic", "symptom": "reset_mid_body"})
    seen = []

    def read():
        for event in alone.messages.create(**ask(), stream=True):
            if event.type == "content_block_delta":
                seen.append(event.delta.text)

    error = raised_by(read)
    assert seen, "nothing came before the break"
    return described(error)


def broken_helper():
    behave({"provider": "anthropic", "symptom": "reset_mid_body"})

    def read():
        with alone.messages.stream(**ask()) as stream:
            return stream.get_final_message()

    return described(raised_by(read))


suite.both(BOTH)
suite.once("errors", {
    "everything down, worth a retry": lambda: down(
        MODEL, {"symptom": "http_529"}, "true", anthropic.OverloadedError),
    "limited for a minute, not worth a retry": lambda: down(
        "claude-sonnet-5", {"symptom": "rate_limit", "retry_after_s": 60}, "false",
        anthropic.RateLimitError),
})
suite.once("broken stream", {"raw": broken_raw, ".stream()": broken_helper})
suite.finish()
