"""The official AWS SDK for Python, bedrock-runtime, before a gateway."""

import base64
import json
import os

os.environ.pop("AWS_BEARER_TOKEN_BEDROCK", None)
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EventStreamError

from cases import (ADDRESS, ALONE, DOWN, DOWN_CONSOLE, LADDER, PIXEL, STOCK, WEATHER, Suite, behave,
                   raised_by, requests_at, whole)

MODEL = "eu.anthropic.claude-opus-4-8-v1:0"
suite = Suite("converse", "openai", "http_503")


def client(url, **more):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20, **more)
    # A key as a bearer token goes over HTTPS only; a gateway without keys checks no signature.
    made = boto3.client("bedrock-runtime", region_name="eu-central-1", endpoint_url=url, config=config,
                        aws_access_key_id="any", aws_secret_access_key="any")
    made.meta.events.register(
        "after-call.bedrock-runtime",
        lambda http_response, **_: suite.note_headers(http_response.headers))
    return made


sdk = client(LADDER)
alone = client(ALONE)


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def ask(*blocks, **more):
    return {"modelId": MODEL, "messages": [user(*(blocks or [{"text": "Tell me about rivers."}]))], **more}


def checked(answer):
    """What must be equal, whoever answered."""
    usage, message = answer["usage"], answer["output"]["message"]
    assert usage["inputTokens"] > 0 and usage["outputTokens"] > 0, usage
    assert answer["metrics"]["latencyMs"] >= 0 and message["role"] == "assistant", answer
    calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    assert all(call["toolUseId"] for call in calls), calls
    said = "".join(block.get("text", "") for block in message["content"])
    return answer["stopReason"], said, [(call["name"], call["input"]) for call in calls]


def text(*blocks, **more):
    reason, said, _ = checked(sdk.converse(**ask(*blocks, **more)))
    assert reason == "end_turn", reason
    return whole(said)


def read(events):
    """Puts an answer together from its events, as an application does."""
    said, calls, open_block, reason, usage = "", [], None, None, None
    for event in events:
        if "messageStart" in event:
            assert event["messageStart"]["role"] == "assistant", event
        elif "contentBlockStart" in event:
            start = event["contentBlockStart"]
            calls.append([start["start"]["toolUse"], ""])
            open_block = start["contentBlockIndex"]
        elif "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]
            open_block = delta["contentBlockIndex"] if open_block is None else open_block
            assert delta["contentBlockIndex"] == open_block, event
            said += delta["delta"].get("text", "")
            if "toolUse" in delta["delta"]:
                calls[-1][1] += delta["delta"]["toolUse"]["input"]
        elif "contentBlockStop" in event:
            assert event["contentBlockStop"]["contentBlockIndex"] == open_block, event
            open_block = None
        elif "messageStop" in event:
            reason = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            assert reason is not None, "figures before the end"
            usage = event["metadata"]["usage"]
    assert usage and usage["outputTokens"] > 0, usage
    return reason, said, [(call, json.loads(arguments or "{}")) for call, arguments in calls]


def streamed_text():
    events = list(sdk.converse_stream(**ask())["stream"])
    assert len(events) > 4, events
    reason, said, _ = read(events)
    assert reason == "end_turn", reason
    return whole(said)


TOOLS = [{"toolSpec": {"name": name, "description": f"The {name}.", "inputSchema": {"json": schema}}}
         for name, schema in [("weather", WEATHER), ("stock", STOCK)]]


def answered(asked, content):
    """The conversation as an application sends it on: what came back, and the results."""
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    results = [{"toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"it": "is sunny"}}]}}
               for call in calls]
    messages = [*asked["messages"], {"role": "assistant", "content": content}, user(*results)]
    return checked(sdk.converse(modelId=MODEL, messages=messages, toolConfig={"tools": TOOLS}))


def one_tool():
    choice = {"tools": TOOLS, "toolChoice": {"tool": {"name": "weather"}}}
    asked = ask({"text": "How is the weather?"}, toolConfig=choice)
    answer = sdk.converse(**asked)
    reason, said, calls = checked(answer)
    assert reason == "tool_use" and [name for name, _ in calls] == ["weather"], answer
    return said, calls, answered(asked, answer["output"]["message"]["content"])


def streamed_tools():
    asked = ask({"text": "The weather and the stock, please."}, toolConfig={"tools": TOOLS})
    reason, said, calls = read(sdk.converse_stream(**asked)["stream"])
    assert reason == "tool_use" and [call["name"] for call, _ in calls] == ["weather", "stock"], calls
    content = [{"text": said}] if said else []
    content += [{"toolUse": {**call, "input": arguments}} for call, arguments in calls]
    return [arguments for _, arguments in calls], answered(asked, content)


def schema():
    form = {"jsonSchema": {"name": "address", "schema": json.dumps(ADDRESS)}}
    more = {"outputConfig": {"textFormat": {"type": "json_schema", "structure": form}}}
    found = json.loads(checked(sdk.converse(**ask(**more)))[1])
    assert set(found) == set(ADDRESS["properties"]), found
    return found


def image():
    picture = {"image": {"format": "png", "source": {"bytes": base64.b64decode(PIXEL)}}}
    return text(picture, {"text": "What is this?"})


BOTH = {
    "unary text": text,
    "streamed text": streamed_text,
    "image": image,
    "one tool, chosen; result": one_tool,
    "parallel tools, streamed; results": streamed_tools,
    "json schema": schema,
    "system, cache point, limits": lambda: text(
        system=[{"text": "You are a poet."}, {"cachePoint": {"type": "default"}}],
        inferenceConfig={"maxTokens": 4096, "stopSequences": ["never said"]}),
}


def down(symptom, status, name):
    behave(symptom)
    before = requests_at(DOWN_CONSOLE)
    error = raised_by(lambda: client(DOWN).converse(**ask()))
    assert isinstance(error, ClientError), repr(error)
    told = (error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"])
    assert told == (status, name), repr(error)
    return f"{type(error).__name__}, {told}, {requests_at(DOWN_CONSOLE) - before:.0f} request(s)"


def broken():
    behave({"provider": "converse", "symptom": "reset_mid_body"})
    seen = []

    def read_on():
        for event in alone.converse_stream(**ask())["stream"]:
            seen.append(event)

    error = raised_by(read_on)
    assert isinstance(error, (EventStreamError, BotoCoreError)), repr(error)
    assert any("contentBlockDelta" in event for event in seen), "nothing came before the break"
    assert not any("messageStop" in event for event in seen), seen
    return f"{type(error).__name__}: {error}"


def dead(symptom):
    return {"provider": "converse", "symptom": symptom}


suite.both(BOTH)
behave()
suite.once("alone", {
    "throttled": lambda: down(dead("rate_limit"), 429, "ThrottlingException"),
    "server error": lambda: down(dead("http_500"), 503, "ServiceUnavailableException"),
    "broken after its first token": broken,
})
suite.finish()
