"""Writes core/dialects/corpus/answers/<dialect>.jsonl: an answer for every field of every answer type.

The same SDKs say what providers may answer; `generate.py` calls it.
"""

import botocore.session
from anthropic.types import Message
from google.genai import types
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

import converse
import gemini

# What a field of this name holds, where its type says less than the API does.
VALUES = {
    **gemini.VALUES,
    "arguments": '{"city":"Rome"}',
    "encrypted_content": "c2VjcmV0",
    "input": {"city": "Rome"},
    "parameters": {"type": "object", "properties": {}},
    "response": {"output": "mild"},
    "signature": "c2VjcmV0",
}
# What a type holds at least, although its fields may be left out.
NEEDED = {
    **gemini.NEEDED,
    "Candidate": ["content", "finishReason"],
    "ChatCompletionMessage": ["content"],
    "GenerateContentResponse": ["candidates"],
    "Message": ["stop_reason"],
    "Response": ["status"],
}
# The first of several words is not always the one of a whole answer.
WORDS = {"finishReason": "STOP", "status": "completed", "role": "assistant"}
# What an SDK adds for its own use, and what an answer repeats of its request.
OWN = {
    "parsed", "automaticFunctionCallingHistory", "sdkHttpResponse",
    "instructions", "moderation", "prompt", "reasoning", "text_format", "tool_choice", "tools",
}


class Walk(gemini.Walk):
    """Takes every form of a union, and what a type demands."""

    def forms(self, kind, name, deep):
        if name in OWN and kind is not str:
            yield "", []
        elif name == "index":
            yield "", 0
        elif not deep and name in WORDS:
            yield "", WORDS[name]
        elif kind is str and not isinstance(VALUES.get(name, ""), str):
            yield "", f"some {name}"
        elif name in VALUES and kind in (str, object) or str(kind).startswith("typing.Dict"):
            yield "", VALUES.get(name, {"key": "value"})
        else:
            yield from super().forms(kind, name, deep)

    @staticmethod
    def choices(kinds):
        return kinds

    @staticmethod
    def needed(kind, label):
        fields = {field.alias or name: field.is_required() for name, field in kind.model_fields.items()}
        return [name for name, demanded in fields.items() if demanded or name in NEEDED.get(label, [])]


def of_type(kind):
    for at, body in Walk().forms(kind, "", deep=True):
        yield at, body


def of_converse():
    shape = botocore.session.get_session().get_service_model("bedrock-runtime")
    shape = shape.operation_model("Converse").output_shape
    for at, body in converse.Walk().forms(shape, "", deep=True):
        message = body.get("output", {}).get("message")
        if message:
            message = {**message, "role": "assistant", "content": converse.beside_text(message["content"])}
            body = {**body, "output": {"message": message}}
        if body.get("stopReason") is None:
            continue
        yield at, body


def cases():
    yield "anthropic_messages", of_type(Message)
    yield "openai_chat", of_type(ChatCompletion)
    yield "openai_responses", of_type(Response)
    yield "gemini", of_type(types.GenerateContentResponse)
    yield "bedrock_converse", of_converse()
