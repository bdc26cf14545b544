"""The cases of Bedrock's Converse, from botocore's own model of the service.

A union has one member at a time: each is a case, beside a text where it stands in a list, so that
what becomes of it can be told from what becomes of the list.
"""

import base64

import botocore.session

from samples import LITERALS_MAX

# What a field of this name holds, where its type says less than the API asks.
VALUES = {
    "additionalModelRequestFields": {"top_k": 5},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "bucketOwner": "123456789012",
    "bytes": base64.b64encode(b"some bytes").decode(),
    "domain": "example.com",
    "effort": "low",
    "guardrailIdentifier": "g-1",
    "guardrailVersion": "1",
    "input": {"city": "Rome"},
    "json": {"type": "object", "properties": {"city": {"type": "string"}}},
    "maxTokens": 2048,
    "name": "weather",
    "schema": '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}',
    "signature": "c2VjcmV0",
    "stopSequences": ["END"],
    "toolUseId": "call_1",
    "uri": "s3://bucket/key",
    "url": "https://example.com/a",
}
# Blocks of the model's own turns only.
ASSISTANT_ONLY = {"toolUse", "reasoningContent", "citationsContent"}
TEXT = {"text": "some text"}
ASK = {"role": "user", "content": [{"text": "What is the weather?"}]}
LEAST = {"messages": [ASK]}
TOOL = {"toolSpec": {"name": "weather", "inputSchema": {"json": VALUES["json"]}}}


class Walk:
    """Each shape is taken apart where it is met first."""

    def __init__(self):
        self.seen = set()

    def forms(self, shape, name, deep):
        """Pairs of (where, value); the first is the smallest."""
        if getattr(shape, "is_document_type", False) or name in VALUES and shape.type_name != "structure":
            yield "", VALUES.get(name, {"key": "value"})
        elif shape.type_name == "structure":
            yield from self.members(shape, deep)
        elif shape.type_name == "list":
            yield from ((f"[]{at}", [value]) for at, value in self.forms(shape.member, name, deep))
        elif shape.type_name == "map":
            value = {"text": "value"} if shape.value.type_name == "structure" else "value"
            yield "", {"key": value}
        elif getattr(shape, "enum", None):
            yield from ((f"={word}", word) for word in shape.enum[: LITERALS_MAX if deep else 1])
        else:
            yield "", self.plain(shape, name)

    def members(self, shape, deep):
        if deep and shape.name in self.seen:
            deep = False
        if deep:
            self.seen.add(shape.name)
        is_union = getattr(shape, "is_tagged_union", False)
        names = list(shape.members)
        needed = names[:1] if is_union else shape.required_members
        if is_union and "text" in names and "bytes" not in names:
            needed = ["text"]
        least = {name: self.smallest(shape.members[name], name) for name in needed}
        yield f"<{shape.name}>", least
        if not deep:
            return
        kept = {} if is_union else least
        for name in names:
            for at, value in self.forms(shape.members[name], name, deep):
                if least.get(name) != value:
                    yield f"<{shape.name}>.{name}{at}", {**kept, name: value}

    def smallest(self, shape, name):
        return next(iter(self.forms(shape, name, deep=False)))[1]

    @staticmethod
    def plain(shape, name):
        values = {"boolean": True, "integer": 2, "long": 2, "float": 0.5, "double": 0.5, "blob": VALUES["bytes"]}
        return values.get(shape.type_name, f"some {name}")


def cases():
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    shape = service.operation_model("Converse").input_shape
    walk = Walk()
    yield "", LEAST
    # Tools first: what they hold is also met inside the conversation, where less becomes of it.
    for name in sorted(shape.members, key=lambda name: (name != "toolConfig", name)):
        if shape.members[name].serialization.get("location"):
            continue
        for at, value in walk.forms(shape.members[name], name, deep=True):
            yield f"{name}{at}", paired({**LEAST, name: value})


def paired(body):
    """Calls get their results and results their calls, as the API demands."""
    for field in ("system", "messages"):
        if field not in body:
            continue
        items = body[field]
        if field == "system":
            body = {**body, "system": beside_text(items)}
            continue
        out = []
        for message in items:
            content = beside_text(message["content"])
            kinds = {kind for block in content for kind in block}
            if kinds & ASSISTANT_ONLY:
                message = {**message, "role": "assistant"}
            message = {**message, "content": content}
            if message["role"] != "user":
                out.append(ASK)
            for block in content:
                if "toolResult" in block:
                    call = {"toolUseId": block["toolResult"]["toolUseId"], "name": "weather", "input": {"city": "Rome"}}
                    out += [ASK, {"role": "assistant", "content": [{"toolUse": call}]}]
            out.append(message)
            results = [
                {"toolResult": {"toolUseId": block["toolUse"]["toolUseId"], "content": [{"text": "mild"}]}}
                for block in content if "toolUse" in block
            ]
            if results:
                out.append({"role": "user", "content": results})
            elif message["role"] != "user":
                out.append(ASK)
            if kinds & {"toolUse", "toolResult", "toolAddition", "toolRemoval"}:
                body = {"toolConfig": {"tools": [TOOL]}, **body}
        body = {**body, "messages": out}
    config = body.get("toolConfig")
    if config and not any("toolSpec" in tool for tool in config["tools"]):
        body = {**body, "toolConfig": {**config, "tools": [TOOL, *config["tools"]]}}
    return body


def beside_text(blocks):
    """The blocks after a text, results first."""
    if any("text" in block or "toolResult" in block for block in blocks):
        return blocks
    return [TEXT, *blocks]
