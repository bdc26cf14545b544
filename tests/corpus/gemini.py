"""The cases of Gemini, from google-genai's types and its own way to write them for the API.

Each field of each type is set alone, and the SDK's converter says what goes over the wire: that of
the Gemini API, or of Vertex for what only Vertex takes.
"""

import base64
import enum
import json
import typing

import pydantic
from google import genai
from google.genai import _common, models, types

from samples import LITERALS_MAX

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TYPED = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
DATA = base64.b64encode(b"some bytes").decode()
SECRET = base64.b64encode(b"secret").decode()

# What a field of this name holds, where its type says less than the API asks.
VALUES = {
    "allowedFunctionNames": ["weather"],
    "apiKey": "key",
    "args": {"city": "Rome"},
    "cachedContent": "cachedContents/1",
    "candidateCount": 2,
    "continuationToken": SECRET,
    "data": DATA,
    "endTime": "2026-11-21T00:00:00Z",
    "fileUri": "https://example.com/a.pdf",
    "id": "call_1",
    "labels": {"team": "a"},
    "maxOutputTokens": 2048,
    "mimeType": "application/pdf",
    "name": "weather",
    "parameters": TYPED,
    "parametersJsonSchema": SCHEMA,
    "partMetadata": {"key": "value"},
    "response": {"output": "mild"},
    "responseJsonSchema": SCHEMA,
    "responseMimeType": "application/json",
    "responseModalities": ["TEXT"],
    "responseSchema": TYPED,
    "nullValue": "NULL_VALUE",
    "startTime": "2026-11-20T00:00:00Z",
    "stopSequences": ["END"],
    "thinkingBudget": 1024,
    "topK": 5,
    "thoughtSignature": SECRET,
}
# What the SDK keeps to itself.
OWN = {"http_options", "should_return_http_response", "automatic_function_calling", "automatic_continuation"}
# What a type holds at least, although each of its fields may be left out.
NEEDED = {
    "Blob": ["data", "mimeType"],
    "CodeExecutionResult": ["outcome"],
    "Content": ["parts"],
    "ExecutableCode": ["code", "language"],
    "FileData": ["fileUri", "mimeType"],
    "FunctionCall": ["name", "args"],
    "FunctionDeclaration": ["name", "description"],
    "FunctionResponse": ["name", "response"],
    "FunctionResponseBlob": ["data", "mimeType"],
    "FunctionResponseFileData": ["fileUri", "mimeType"],
    "Part": ["text"],
    "SafetySetting": ["category", "threshold"],
}
# Of these a part has one.
KINDS = {
    "codeExecutionResult", "executableCode", "fileData", "functionCall", "functionResponse", "inlineData",
    "toolCall", "toolResponse",
}
# What a schema says inside it is no field of a request.
WHOLE = {"Schema", "JSONSchema"}
# Answers of a function are described where nobody but its own vendor looks.
DESCRIBED = {"FunctionDeclaration": {"response": TYPED, "responseJsonSchema": SCHEMA}}

TEXT = {"text": "some text"}
ASK = {"role": "user", "parts": [{"text": "What is the weather?"}]}
TOOL = {"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}


class Walk:
    """Each type is taken apart where it is met first."""

    def __init__(self):
        self.seen = set()

    def forms(self, kind, name, deep):
        """Pairs of (where, value); the first is the smallest."""
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Annotated:
            # Tools may be functions of Python: what is sent is this.
            yield from self.forms(list[types.Tool] if args[0] is list else args[0], name, deep)
        elif args and type(None) in args or origin is typing.Union:
            for one in self.choices([arg for arg in args if arg is not type(None)]):
                yield from self.forms(one, name, deep)
                if not deep:
                    return
        elif isinstance(kind, type) and issubclass(kind, pydantic.BaseModel) and kind.__name__ not in WHOLE:
            yield from self.fields(kind, deep)
        elif name in VALUES:
            yield "", VALUES[name]
        elif isinstance(kind, type) and issubclass(kind, enum.Enum):
            words = [word.value for word in kind if "UNSPECIFIED" not in word.value.upper()]
            yield from ((f"={word}", word) for word in words[: LITERALS_MAX if deep else 1])
        elif origin is typing.Literal:
            yield from ((f"={word}", word) for word in args[: LITERALS_MAX if deep else 1] if word != "UNKNOWN")
        elif origin is list:
            yield from ((f"[]{at}", [value]) for at, value in self.forms(args[0], name, deep))
        elif origin is dict or kind is dict or kind is typing.Any:
            yield "", {"key": "value"}
        else:
            yield "", {bool: True, int: 2, float: 0.5, bytes: SECRET}.get(kind, f"some {name}")

    @staticmethod
    def choices(kinds):
        """The form that is sent: others are the SDK's conveniences."""
        for wanted in (types.Content, types.Schema, types.SpeechConfig):
            if wanted in kinds:
                return [wanted]
        return kinds[:1]

    def fields(self, kind, deep):
        label = kind.__name__
        if deep and label in self.seen:
            deep = False
        if deep:
            self.seen.add(label)
        hints = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        needed = self.needed(kind, label)
        least = {name: self.smallest(hints[name], name) for name in needed}
        yield f"<{label}>", least
        if not deep:
            return
        for name in sorted(hints):
            described = DESCRIBED.get(label, {}).get(name)
            forms = [("", described)] if described else self.forms(hints[name], name, deep)
            for at, value in forms:
                if least.get(name) != value:
                    yield f"<{label}>.{name}{at}", {**least, name: value}

    @staticmethod
    def needed(_kind, label):
        return NEEDED.get(label, [])

    def smallest(self, kind, name):
        return next(iter(self.forms(kind, name, deep=False)))[1]


def cases():
    yield from body("", [ASK], {})
    # A user's parts, and the model's.
    for role in ("user", "model"):
        for at, value in Walk().forms(list[types.Content], "contents", deep=True):
            if role == "user" and "<Part>.thought" in at:
                continue
            yield from body(f"contents({role}){at}", turns(value[0], role), {})
    walk = Walk()
    # What a part holds was taken apart above.
    walk.seen |= {"Content", "Part"}
    config = types.GenerateContentConfig.model_fields
    for name in sorted(config.keys() - OWN):
        alias = config[name].alias or name
        for at, value in walk.forms(config[name].annotation, alias, deep=True):
            yield from body(f"{alias}{at}", [ASK], {alias: value})


def turns(content, role):
    """The content in a conversation: calls get their results and results their calls."""
    parts = [parted for part in content["parts"] for parted in beside_text(part)]
    content = {"role": role, "parts": parts}
    out = [] if role == "user" else [ASK]
    for part in parts:
        if "functionResponse" in part:
            call = {"name": "weather", "args": {"city": "Rome"}}
            call |= {"id": part["functionResponse"]["id"]} if "id" in part["functionResponse"] else {}
            out += [ASK, {"role": "model", "parts": [{"functionCall": call}]}]
    out.append(content)
    results = []
    for part in parts:
        if "functionCall" in part:
            result = {"name": part["functionCall"].get("name", "weather"), "response": {"output": "mild"}}
            result |= {"id": part["functionCall"]["id"]} if "id" in part["functionCall"] else {}
            results.append({"functionResponse": result})
    if results:
        out.append({"role": "user", "parts": results})
    elif role == "model":
        out.append(ASK)
    return out


def beside_text(part):
    """A part of another kind after a text, so that what becomes of it can be told."""
    if not KINDS & part.keys():
        return [part]
    part = {name: value for name, value in part.items() if name != "text"}
    return [part] if "functionResponse" in part else [TEXT, part]


def body(at, contents, config):
    """The request as the SDK sends it; none where the SDK itself refuses it."""
    if "functionCall" in json.dumps(contents) or {"toolConfig"} & config.keys():
        config = {"tools": [TOOL], **config}
    if "logprobs" in config:
        config = {"responseLogprobs": True, **config}
    if {"responseSchema", "responseJsonSchema"} & config.keys():
        config = {"responseMimeType": "application/json", **config}
    try:
        typed = types._GenerateContentParameters.model_validate_json(
            json.dumps({"model": "model-a", "contents": contents, "config": config})
        )
    except pydantic.ValidationError as error:
        print(f"gemini: {at}: {error.errors()[0]['msg']}")
        return
    ways = [
        (models._GenerateContentParameters_to_mldev, genai.Client(api_key="key")),
        (models._GenerateContentParameters_to_vertex, genai.Client(vertexai=True, api_key="key")),
    ]
    refused = None
    for convert, client in ways:
        try:
            sent = convert(client._api_client, typed)
        except ValueError as error:
            refused = error
            continue
        sent.pop("_url", None)
        sent = _common.encode_unserializable_types(_common.convert_to_dict(sent))
        yield at, {name: value for name, value in sent.items() if value != {}}
        return
    print(f"gemini: {at}: {refused}")
