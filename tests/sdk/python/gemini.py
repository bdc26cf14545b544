"""The official Google Gen AI SDK for Python before a gateway."""

import json

import pydantic
from google import genai
from google.genai import errors, types

from cases import (ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, WEATHER, Suite, behave,
                   raised_by, requests_at, whole)

MODEL = "gemini-3.5-flash"
suite = Suite("gemini", "anthropic", "http_503")


def client(url):
    hooks = {"response": [lambda response: suite.note_headers(response.headers)]}
    options = types.HttpOptions(base_url=url, client_args={"event_hooks": hooks})
    return genai.Client(api_key="test", http_options=options)


sdk = client(LADDER)
alone = client(ALONE)


class Address(pydantic.BaseModel):
    street: str
    number: int
    tags: list[str]


def config(**more):
    return types.GenerateContentConfig(**more)


def ask(content="Tell me about rivers.", **more):
    return {"model": MODEL, "contents": content, "config": config(**more)}


def checked(response):
    """What must be equal, whoever answered."""
    assert response.response_id and response.model_version, response
    usage = response.usage_metadata
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0, usage
    [candidate] = response.candidates
    assert candidate.content.role == "model", candidate
    calls = [(call.name, call.args) for call in response.function_calls or []]
    said = "".join(part.text or "" for part in candidate.content.parts if not part.thought)
    return candidate.finish_reason.value, said, calls


def text(content="Tell me about rivers.", **more):
    reason, said, _ = checked(sdk.models.generate_content(**ask(content, **more)))
    assert reason == "STOP", reason
    return whole(said)


def streamed_text():
    chunks = list(sdk.models.generate_content_stream(**ask()))
    assert len(chunks) > 1 and chunks[-1].candidates[0].finish_reason.value == "STOP", chunks[-1]
    assert chunks[-1].usage_metadata.candidates_token_count > 0
    assert len({chunk.response_id for chunk in chunks}) == 1
    return whole("".join(chunk.text or "" for chunk in chunks))


def chat():
    talk = sdk.chats.create(model=MODEL)
    first = talk.send_message("Tell me about rivers.").text
    second = "".join(chunk.text or "" for chunk in talk.send_message_stream("And about the sea?"))
    assert len(talk.get_history(curated=True)) >= 4, talk.get_history(curated=True)
    return whole(first), whole(second)


def image():
    picture = types.Part.from_bytes(data=__import__("base64").b64decode(PIXEL), mime_type="image/png")
    return text([picture, "What is this?"])


DECLARED = types.Tool(function_declarations=[
    types.FunctionDeclaration(name="weather", description="The weather.", parameters_json_schema=WEATHER),
    types.FunctionDeclaration(name="stock", description="The stock.", parameters_json_schema=STOCK),
])


def choice(mode, names=None):
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
    return types.ToolConfig(function_calling_config=calling)


def answered(asked, parts, names):
    """The conversation as an application sends it on: what came back, and the results."""
    results = [types.Part.from_function_response(name=name, response={"result": "sunny"}) for name in names]
    contents = [types.Content(role="user", parts=[types.Part(text=asked["contents"])]),
                types.Content(role="model", parts=parts),
                types.Content(role="user", parts=results)]
    return sdk.models.generate_content(model=MODEL, contents=contents, config=config(tools=[DECLARED]))


def one_tool():
    asked = ask("How is the weather?", tools=[DECLARED], tool_config=choice("ANY", ["weather"]))
    response = sdk.models.generate_content(**asked)
    _, said, calls = checked(response)
    assert [name for name, _ in calls] == ["weather"], calls
    return said, calls, checked(answered(asked, response.candidates[0].content.parts, ["weather"]))


def parallel_tools():
    asked = ask("The weather and the stock, please.", tools=[DECLARED])
    response = sdk.models.generate_content(**asked)
    _, said, calls = checked(response)
    assert [name for name, _ in calls] == ["weather", "stock"], calls
    parts = response.candidates[0].content.parts
    return said, calls, checked(answered(asked, parts, ["weather", "stock"]))


def streamed_tools():
    asked = ask("The weather and the stock, please.", tools=[DECLARED])
    parts = []
    for chunk in sdk.models.generate_content_stream(**asked):
        parts += chunk.candidates[0].content.parts or []
    calls = [(part.function_call.name, part.function_call.args) for part in parts if part.function_call]
    assert [name for name, _ in calls] == ["weather", "stock"], calls
    parts = [part for part in parts if part.function_call or part.text]
    return calls, checked(answered(asked, parts, ["weather", "stock"]))


def automatic(ask_with):
    seen = []

    def weather(city: str, days: int) -> str:
        """The weather of a city."""
        seen.append((city, days))
        return "sunny"

    said = ask_with("How is the weather?", [weather])
    assert len(seen) == 1, seen
    return seen, whole(said)


def in_chat(asked, tools):
    return sdk.chats.create(model=MODEL, config=config(tools=tools)).send_message(asked).text


def in_streamed_chat(asked, tools):
    talk = sdk.chats.create(model=MODEL, config=config(tools=tools))
    return "".join(chunk.text or "" for chunk in talk.send_message_stream(asked))


def schema():
    more = {"response_mime_type": "application/json", "response_json_schema": ADDRESS}
    found = json.loads(checked(sdk.models.generate_content(**ask(**more)))[1])
    assert set(found) == set(ADDRESS["properties"]), found
    return found


def parsed():
    more = {"response_mime_type": "application/json", "response_schema": Address}
    response = sdk.models.generate_content(**ask(**more))
    assert isinstance(response.parsed, Address), response
    return sorted(response.parsed.model_dump())


BOTH = {
    "unary text": text,
    "streamed text": streamed_text,
    "chat, two turns, the second streamed": chat,
    "image": image,
    "one tool, chosen; result": one_tool,
    "parallel tools; results": parallel_tools,
    "parallel tools, streamed; results": streamed_tools,
    "automatic function calling": lambda: automatic(
        lambda asked, tools: sdk.models.generate_content(**ask(asked, tools=tools)).text),
    "automatic function calling in a chat": lambda: automatic(in_chat),
    "automatic function calling in a chat, streamed": lambda: automatic(in_streamed_chat),
    "response_json_schema": schema,
    "response_schema of a class, .parsed": parsed,
    "system instruction, limits": lambda: text(
        system_instruction="You are a poet.", temperature=0.5, max_output_tokens=4096),
    "thinking level, thoughts": lambda: text(
        thinking_config=types.ThinkingConfig(thinking_level="LOW", include_thoughts=True)),
}


def counted():
    tokens = sdk.models.count_tokens(model=MODEL, contents="Tell me about rivers.").total_tokens
    assert tokens > 0, tokens
    behave({"provider": "gemini", "symptom": "refused"})
    behave()


def described(error):
    return f"{type(error).__module__.split('.')[0]}.{type(error).__name__}, {getattr(error, 'code', None)}"


def down(symptom, status, word):
    behave(symptom)
    before = requests_at(DOWN_CONSOLE)
    gateway = client(DOWN)
    error = raised_by(lambda: gateway.models.generate_content(**ask()))
    assert isinstance(error, errors.APIError), repr(error)
    assert (error.code, error.status) == (status, word), repr(error)
    return f"{described(error)}, {requests_at(DOWN_CONSOLE) - before:.0f} request(s)"


def broken():
    behave({"provider": "gemini", "symptom": "reset_mid_body"})
    seen = []

    def read():
        for chunk in alone.models.generate_content_stream(**ask()):
            seen.append(chunk.text or "")

    error = raised_by(read)
    assert any(seen), "nothing came before the break"
    assert isinstance(error, errors.APIError) and error.code == 503, repr(error)
    return described(error)


suite.both(BOTH)
behave()
suite.once("own dialect", {"count_tokens": counted})
suite.once("errors", {
    "everything down": lambda: down({"symptom": "http_503"}, 503, "UNAVAILABLE"),
    "limited for a minute": lambda: down(
        {"symptom": "rate_limit", "retry_after_s": 60}, 429, "RESOURCE_EXHAUSTED"),
})
suite.once("broken stream", {"generate_content_stream": broken})
suite.finish()
