"""Writes core/dialects/corpus/<dialect>.jsonl: a request for every field of every request type.

The official SDKs' own type definitions say which fields there are. Each line is one case,
{"case": where the field stands, "body": a request that is otherwise as small as it may be}.
Run with .venv/bin/python after an SDK was updated, and read the difference before you commit it.
"""

import collections.abc
import json
import os
import pathlib
import types
import typing

from typing_extensions import get_type_hints, is_typeddict

import answers
import converse
import gemini
from samples import LITERALS_MAX

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What the API demands although the type does not.
NEEDED_TOO = {
    "ResponseInputImage": "image_url",
    "ResponseInputImageContent": "image_url",
    "ResponseInputFile": "file_data",
    "ResponseInputFileContent": "file_data",
    "File": "file_data",
    "JSONSchema": "schema",
    "FileFile": "file_data",
}
# Blocks that stand in the model's own turns only, though the type of a user's allows them.
ASSISTANT_ONLY = {"thinking", "redacted_thinking", "tool_use", "server_tool_use"}

# What a field of this name may hold, where its type says less than the API asks.
SAMPLES = {
    "call_id": "call_1",
    "data": "iVBORw0KGgo=",
    "definition": "start: /[a-z]+/",
    "encrypted_content": "c2VjcmV0",
    "file_data": "data:application/pdf;base64,JVBERi0=",
    "id": "id_1",
    "image_url": "https://example.com/a.png",
    "file_url": "https://example.com/a.pdf",
    "input": {"city": "Rome"},
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    "max_tokens": 2048,
    "max_completion_tokens": 2048,
    "max_output_tokens": 2048,
    "budget_tokens": 1024,
    "model": "model-a",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "tool_call_id": "call_1",
    "tool_use_id": "call_1",
    "arguments": '{"city":"Rome"}',
    "tools": {"type": "function", "function": {"name": "weather"}},
    "url": "https://example.com/a.png",
    "user_id": "user-1",
}


def bare(kind):
    """A type without what only a type checker reads."""
    while typing.get_origin(kind) in (
        typing.Annotated,
        *(getattr(module, name) for module in (typing, __import__("typing_extensions"))
          for name in ("Required", "NotRequired", "ReadOnly") if hasattr(module, name)),
    ):
        kind = typing.get_args(kind)[0]
    return getattr(kind, "__value__", kind)


def is_needed(kind, hint):
    """Read off the hint: a type whose annotations are text does not know it itself."""
    words = [typing.get_origin(hint)]
    if words[0] is typing.Annotated:
        words.append(typing.get_origin(typing.get_args(hint)[0]))
    names = {getattr(word, "__name__", None) or getattr(word, "_name", None) for word in words}
    return "Required" in names or (kind.__total__ and "NotRequired" not in names)


class Corpus:
    """The cases of one dialect. Each type is taken apart where it is met first."""

    def __init__(self):
        self.seen = set()

    def smallest(self, kind, name):
        return next(iter(self.forms(kind, name, deep=False)))[1]

    def forms(self, kind, name, deep):
        """Pairs of (where, value); the first is the smallest."""
        kind = bare(kind)
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if is_typeddict(kind):
            yield from self.fields(kind, deep)
        elif origin in (typing.Union, types.UnionType):
            yield from self.choices([arg for arg in args if arg is not type(None)], name, deep)
        elif origin is typing.Literal:
            yield from ((f"={word}", word) for word in args[: LITERALS_MAX if deep else 1])
        elif origin in (list, typing.Sequence, typing.Iterable) or (
            isinstance(origin, type)
            and issubclass(origin, collections.abc.Iterable)
            and not issubclass(origin, collections.abc.Mapping)
        ):
            yield from ((f"[]{at}", [value]) for at, value in self.forms(args[0], name, deep))
        elif isinstance(origin, type) and getattr(origin, "_is_protocol", False):
            yield from ((f"[]{at}", [value]) for at, value in self.forms(args[0], name, deep))
        elif origin in (dict, collections.abc.Mapping) or kind is dict:
            value = SAMPLES.get(name)
            yield "", value if isinstance(value, dict) else {"key": "value"}
        else:
            yield "", self.plain(kind, name)

    def choices(self, kinds, name, deep):
        for kind in kinds:
            # An answer's own type, or an open file: an SDK takes them, and sends something else.
            if hasattr(kind, "model_fields") or bare(kind).__module__ in ("os", "io", "typing") and not typing.get_args(kind):
                continue
            if typing.get_origin(kind) in (typing.IO, os.PathLike):
                continue
            for at, value in self.forms(kind, name, deep):
                yield at, value
                if not deep:
                    return

    def fields(self, kind, deep):
        hints = get_type_hints(kind, include_extras=True)
        label = kind.__name__
        needed = sorted(
            key for key, hint in hints.items()
            if is_needed(kind, hint) or key == NEEDED_TOO.get(label.removesuffix("Param"))
        )
        if kind in self.seen and deep:
            deep = False
        if deep:
            self.seen.add(kind)
        least = {key: self.smallest(hints[key], key) for key in needed}
        yield f"<{label}>", least
        if not deep:
            return
        for key in sorted(hints):
            for at, value in self.forms(hints[key], key, deep):
                if least.get(key) != value and value != {}:
                    yield f"<{label}>.{key}{at}", {**least, key: value}

    @staticmethod
    def plain(kind, name):
        if typing.get_origin(kind) is not None or not isinstance(kind, type):
            kind = str
        if name in SAMPLES and (kind is object or isinstance(SAMPLES[name], kind)):
            return SAMPLES[name]
        return {bool: True, int: 2, float: 0.5, str: f"some {name.replace('_', ' ')}"}.get(kind, {"key": "value"})


def anthropic():
    from anthropic.types.message_create_params import MessageCreateParamsBase as kind

    least = {
        "model": "model-a",
        "max_tokens": 2048,
        "messages": [{"role": "user", "content": "What is the weather?"}],
    }
    for at, body in top(kind, least, {"user_profile_id", "workspace_id"}):
        yield at, paired_anthropic(body)


def paired_anthropic(body):
    """Calls get their results and results their calls, as the API demands."""
    tool = {"name": "weather", "input_schema": SAMPLES["input_schema"]}
    ask = {"role": "user", "content": "What is the weather?"}
    call = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "mild"}
    out = []
    for message in body["messages"]:
        content = message.get("content")
        kinds = {block["type"] for block in content} if isinstance(content, list) else set()
        if kinds & ASSISTANT_ONLY or any(kind.endswith("_tool_result") for kind in kinds):
            message = {**message, "role": "assistant"}
        if message["role"] != "user" and not out:
            out.append(ask)
        if "tool_result" in kinds:
            call = {**call, "id": content[0]["tool_use_id"]}
            out += [ask, {"role": "assistant", "content": [call]}]
        out.append(message)
        if "tool_use" in kinds:
            result = {**result, "tool_use_id": content[0]["id"]}
            out.append({"role": "user", "content": [result]})
        elif message["role"] == "assistant":
            out.append(ask)
        if kinds & {"tool_use", "tool_result"}:
            body = {"tools": [tool], **body}
    if "tool_choice" in body:
        body = {"tools": [tool], **body}
    return {**body, "messages": out}


def chat():
    from openai.types.chat.completion_create_params import CompletionCreateParamsBase as kind

    least = {"model": "model-a", "messages": [{"role": "user", "content": "What is the weather?"}]}
    for at, body in top(kind, least, set()):
        yield at, paired_chat(body)


def paired_chat(body):
    function = {"name": "weather", "parameters": SAMPLES["parameters"]}
    tool = {"type": "function", "function": function}
    ask = {"role": "user", "content": "What is the weather?"}
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
    }
    out = []
    for message in body["messages"]:
        if message["role"] == "assistant":
            if not message.get("tool_calls"):
                message = {"content": "mild", **message}
            out += [ask, message]
            for made in message.get("tool_calls") or []:
                out.append({"role": "tool", "tool_call_id": made["id"], "content": "mild"})
            if not message.get("tool_calls"):
                out.append(ask)
        elif message["role"] == "tool":
            out += [ask, {"role": "assistant", "tool_calls": [call]}, message]
        elif message["role"] == "function":
            made = {"name": message["name"], "arguments": '{"city":"Rome"}'}
            out += [ask, {"role": "assistant", "function_call": made}, message]
        elif message["role"] in ("system", "developer"):
            out += [message, ask]
        else:
            out.append(message)
    if {"tool_choice", "parallel_tool_calls"} & body.keys() or any("tool_calls" in m for m in out):
        body = {"tools": [tool], **body}
    return {**body, "messages": out}


def responses():
    from openai.types.responses.response_create_params import ResponseCreateParamsBase as kind

    least = {"model": "model-a", "input": "What is the weather?"}
    for at, body in top(kind, least, set()):
        yield at, paired_responses(body)


def paired_responses(body):
    tool = {"type": "function", "name": "weather", "parameters": SAMPLES["parameters"], "strict": False}
    ask = {"role": "user", "content": "What is the weather?"}
    asked = body["input"]
    if isinstance(asked, list):
        out = []
        for item in asked:
            kind = item.get("type", "message")
            if kind.endswith("tool_call_output") or kind.startswith("function_call"):
                item = {"call_id": "call_1", **item}
            if kind == "function_call_output":
                out.append({"type": "function_call", "call_id": item["call_id"], "name": "weather", "arguments": '{"city":"Rome"}'})
            if kind == "custom_tool_call_output":
                out.append({"type": "custom_tool_call", "call_id": item["call_id"], "name": "weather", "input": "Rome"})
            out.append(item)
            if kind in ("function_call", "custom_tool_call"):
                out.append({"type": f"{kind}_output", "call_id": item["call_id"], "output": "mild"})
        if not any(item.get("role") == "user" for item in out):
            out = [ask, *out]
        if out[-1].get("role") == "assistant" or out[-1].get("type") == "reasoning":
            out.append(ask)
        body = {**body, "input": out}
    if {"tool_choice", "parallel_tool_calls"} & body.keys():
        body = {"tools": [tool], **body}
    return body


def top(kind, least, elsewhere):
    """The cases of a whole request; `elsewhere` are fields that an SDK sends as headers."""
    corpus = Corpus()
    hints = get_type_hints(kind, include_extras=True)
    yield "", least
    # Tools first: they are also met inside the conversation, where less becomes of them.
    for key in sorted(hints.keys() - elsewhere, key=lambda key: (key != "tools", key)):
        for at, value in corpus.forms(hints[key], key, deep=True):
            if key == "model" or least.get(key) == value or value == {}:
                continue
            yield f"{key}{at}", {**least, key: value}


def write(name, cases):
    lines = {}
    for at, body in cases:
        lines.setdefault(json.dumps(body, sort_keys=True), at)
    folder = ROOT / "core/dialects/corpus"
    (folder / "answers").mkdir(exist_ok=True)
    text = "".join(f'{{"case": {json.dumps(at)}, "body": {body}}}\n' for body, at in lines.items())
    (folder / f"{name}.jsonl").write_text(text)
    print(f"{name}: {len(lines)} cases")


if __name__ == "__main__":
    write("anthropic_messages", anthropic())
    write("openai_chat", chat())
    write("openai_responses", responses())
    write("gemini", gemini.cases())
    write("bedrock_converse", converse.cases())
    for dialect, cases in answers.cases():
        write(f"answers/{dialect}", cases)
