"""A provider of all dialects at once that plays one task: it asks for the file `note.txt` with
whatever tool the agent offers for that, and repeats the word it finds in the result."""

import itertools
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORD = re.compile(r"RIVER-[0-9A-F]{8}")

# What reads a file, by the names that agents give their tools; the first that is offered is called.
READERS = [
    ("Read", lambda note: {"file_path": note, "filepath": note}),
    ("read_file", lambda note: {"absolute_path": note, "file_path": note, "path": note}),
    ("read_files", lambda note: {"files": [{"path": note}], "paths": [note]}),
    ("read", lambda note: {"filePath": note, "path": note}),
    ("lookup", lambda note: {"name": "note"}),
    ("exec_command", lambda note: {"cmd": f"cat {note}"}),
    ("shell_command", lambda note: {"command": f"cat {note}"}),
    ("shell", lambda note: {"command": ["cat", note]}),
    ("Bash", lambda note: {"command": f"cat {note}", "description": "Reads the note"}),
    ("bash", lambda note: {"command": f"cat {note}", "description": "Reads the note"}),
    ("run_commands", lambda note: {"commands": [f"cat {note}"]}),
    ("run_shell_command", lambda note: {"command": f"cat {note}"}),
    ("execute_command", lambda note: {"command": f"cat {note}", "requires_approval": False}),
]
# Some agents end only when the model says so with a tool.
ENDERS = [
    ("submit_and_exit", lambda text: {"summary": text, "verified": True}),
    ("attempt_completion", lambda text: {"result": text}),
]


def fitted(arguments, schema):
    """The arguments that the schema knows, with something for those it wants besides."""
    known = (schema or {}).get("properties") or {}
    kept = {name: value for name, value in arguments.items() if name in known} if known else arguments
    for name in (schema or {}).get("required") or []:
        if name not in kept:
            kind = known.get(name, {}).get("type")
            kept[name] = {"boolean": False, "integer": 1, "number": 1, "array": [], "object": {}}.get(kind, "note")
    return kept


def instance(schema):
    """The simplest value of a schema."""
    if not isinstance(schema, dict):
        return "word"
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    kind = str(kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object" or "properties" in schema:
        return {name: instance(of) for name, of in (schema.get("properties") or {}).items()}
    return {"array": [], "integer": 1, "number": 1, "boolean": False}.get(kind, "word")


NUMBERS = itertools.count(1)


class Play:
    """What the model does next: from the tools on offer and the results so far, in no dialect."""

    def __init__(self, tools, results, note, schema, body):
        self.text, self.call = "", None
        # Frameworks take two answers of one id for one.
        self.id = f"{next(NUMBERS):08x}"
        # Some put the file into their question and offer no tools.
        found = WORD.search(results if tools else results or words(body))
        reader = next(((name, make) for name, make in READERS if name in tools), None)
        if found:
            self.text = f"The note says {found.group(0)}."
            ender = next(((name, make) for name, make in ENDERS if name in tools), None)
            if ender:
                self.call = (ender[0], fitted(ender[1](self.text), tools[ender[0]]))
        elif schema is not None:
            self.text = json.dumps(instance(schema))
        elif reader and not results:
            self.text = "Let me look."
            self.call = (reader[0], fitted(reader[1](note), tools[reader[0]]))
        elif results:
            self.text = "The note cannot be read: " + results[:300]
        else:
            self.text = "A note"


def words(value):
    """All texts within a value, joined."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return " ".join(words(item) for item in value.values())
    if isinstance(value, list):
        return " ".join(words(item) for item in value)
    return ""


class Messages:
    def play(self, body, note):
        tools = {tool["name"]: tool.get("input_schema") for tool in body.get("tools", []) if "input_schema" in tool}
        results = " ".join(words(block.get("content", "")) or "nothing" for turn in body["messages"]
                           if isinstance(turn["content"], list) for block in turn["content"]
                           if block.get("type") == "tool_result")
        schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
        return Play(tools, results, note, schema, body)

    def blocks(self, play):
        blocks = [{"type": "text", "text": play.text}] if play.text else []
        if play.call:
            blocks.append({"type": "tool_use", "id": f"toolu_{play.id}", "name": play.call[0], "input": play.call[1]})
        return blocks

    def message(self, body, play, content, reason):
        return {"id": f"msg_{play.id}", "type": "message", "role": "assistant", "model": body["model"], "content": content,
                "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 10}}

    def whole(self, body, play):
        return self.message(body, play, self.blocks(play), "tool_use" if play.call else "end_turn")

    def stream(self, body, play):
        yield "message_start", {"type": "message_start", "message": self.message(body, play, [], None)}
        for at, block in enumerate(self.blocks(play)):
            is_text = block["type"] == "text"
            empty = {**block, "text": ""} if is_text else {**block, "input": {}}
            yield "content_block_start", {"type": "content_block_start", "index": at, "content_block": empty}
            delta = ({"type": "text_delta", "text": block["text"]} if is_text
                     else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])})
            yield "content_block_delta", {"type": "content_block_delta", "index": at, "delta": delta}
            yield "content_block_stop", {"type": "content_block_stop", "index": at}
        reason = "tool_use" if play.call else "end_turn"
        yield "message_delta", {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None},
                                "usage": {"output_tokens": 10}}
        yield "message_stop", {"type": "message_stop"}


class Chat:
    def play(self, body, note):
        tools = {tool["function"]["name"]: tool["function"].get("parameters") for tool in body.get("tools") or []
                 if tool.get("type") == "function"}
        results = " ".join(words(turn.get("content")) or "nothing" for turn in body["messages"] if turn["role"] == "tool")
        schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
        return Play(tools, results, note, schema, body)

    def calls(self, play):
        function = {"name": play.call[0], "arguments": json.dumps(play.call[1])}
        return [{"id": f"call_{play.id}", "type": "function", "function": function}]

    def head(self, body, play, kind):
        return {"id": f"chatcmpl-{play.id}", "object": kind, "created": 1767225600, "model": body["model"]}

    USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}

    def whole(self, body, play):
        message = {"role": "assistant", "content": play.text or None}
        if play.call:
            message["tool_calls"] = self.calls(play)
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if play.call else "stop"}
        return {**self.head(body, play, "chat.completion"), "choices": [choice], "usage": self.USAGE}

    def stream(self, body, play):
        def chunk(delta, reason=None):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return None, {**self.head(body, play, "chat.completion.chunk"), "choices": [choice]}
        yield chunk({"role": "assistant", "content": ""})
        yield chunk({"content": play.text})
        if play.call:
            yield chunk({"tool_calls": [{"index": 0, **self.calls(play)[0]}]})
        yield chunk({}, "tool_calls" if play.call else "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            yield None, {**self.head(body, play, "chat.completion.chunk"), "choices": [], "usage": self.USAGE}
        yield None, "[DONE]"


class Responses:
    def play(self, body, note):
        tools = {tool["name"]: tool.get("parameters") for tool in body.get("tools") or [] if tool.get("type") == "function"}
        items = body["input"] if isinstance(body["input"], list) else []
        results = " ".join(words(item.get("output")) or "nothing" for item in items
                           if item.get("type") in ("function_call_output", "custom_tool_call_output"))
        form = (body.get("text") or {}).get("format") or {}
        schema = form.get("schema") if form.get("type") == "json_schema" else None
        return Play(tools, results, note, schema, body)

    def items(self, play):
        items = []
        if play.text:
            content = [{"type": "output_text", "text": play.text, "annotations": [], "logprobs": []}]
            items.append({"id": f"msg_{play.id}", "type": "message", "role": "assistant", "status": "completed", "content": content})
        if play.call:
            items.append({"id": f"fc_{play.id}", "type": "function_call", "call_id": f"call_{play.id}", "name": play.call[0],
                          "arguments": json.dumps(play.call[1]), "status": "completed"})
        return items

    def whole(self, body, play, items=None, status="completed"):
        usage = {"input_tokens": 10, "output_tokens": 10, "total_tokens": 20,
                 "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        return {"id": f"resp_{play.id}", "object": "response", "created_at": 1767225600, "status": status,
                "model": body["model"], "output": self.items(play) if items is None else items, "error": None,
                "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True,
                "temperature": 1, "top_p": 1, "tool_choice": "auto", "tools": [],
                "usage": usage if status == "completed" else None}

    def stream(self, body, play):
        number = -1

        def event(kind, **more):
            nonlocal number
            number += 1
            return kind, {"type": kind, "sequence_number": number, **more}
        yield event("response.created", response=self.whole(body, play, [], "in_progress"))
        for at, item in enumerate(self.items(play)):
            place = {"output_index": at, "item_id": item["id"]}
            if item["type"] == "message":
                part = item["content"][0]
                yield event("response.output_item.added", output_index=at, item={**item, "content": [], "status": "in_progress"})
                yield event("response.content_part.added", **place, content_index=0, part={**part, "text": ""})
                yield event("response.output_text.delta", **place, content_index=0, delta=part["text"], logprobs=[])
                yield event("response.output_text.done", **place, content_index=0, text=part["text"], logprobs=[])
                yield event("response.content_part.done", **place, content_index=0, part=part)
            else:
                yield event("response.output_item.added", output_index=at, item={**item, "arguments": "", "status": "in_progress"})
                yield event("response.function_call_arguments.delta", **place, delta=item["arguments"])
                yield event("response.function_call_arguments.done", **place, arguments=item["arguments"], name=item["name"])
            yield event("response.output_item.done", output_index=at, item=item)
        yield event("response.completed", response=self.whole(body, play))


class Gemini:
    def play(self, body, note):
        tools = {}
        for group in body.get("tools") or []:
            for tool in group.get("functionDeclarations") or group.get("function_declarations") or []:
                names = ("parameters", "parametersJsonSchema", "parameters_json_schema")
                tools[tool["name"]] = next((tool[name] for name in names if name in tool), None)
        parts = [part for turn in body["contents"] for part in turn.get("parts", [])]
        results = " ".join(words(part.get("functionResponse") or part.get("function_response"))
                           for part in parts if "functionResponse" in part or "function_response" in part)
        config = body.get("generationConfig") or body.get("generation_config") or {}
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        return Play(tools, results, note, schema, body)

    def whole(self, body, play):
        parts = [{"text": play.text}] if play.text else []
        if play.call:
            parts.append({"functionCall": {"name": play.call[0], "args": play.call[1]}})
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 10, "totalTokenCount": 20}
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
                "usageMetadata": usage, "modelVersion": "simulated", "responseId": play.id}

    def stream(self, body, play):
        yield None, self.whole(body, play)


DIALECTS = {"/v1/messages": Messages(), "/v1/chat/completions": Chat(), "/v1/responses": Responses()}


def provider(note):
    """A provider on a free port, and a list of what it was asked: (path, body)."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            path = self.path.split("?")[0]
            asked.append((path, body))
            if path.endswith("count_tokens"):
                return self.say({"input_tokens": 10})
            if path.endswith(":countTokens"):
                return self.say({"totalTokens": 10})
            gemini = path.startswith(("/v1beta/models/", "/v1/models/"))
            dialect = Gemini() if gemini else DIALECTS.get(path)
            if dialect is None:
                return self.say({"error": {"message": f"no such path: {path}", "type": "invalid_request_error"}}, 404)
            play = dialect.play(body, note)
            if not (body.get("stream") or ":stream" in path):
                return self.say(dialect.whole(body, play))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for name, data in dialect.stream(body, play):
                head = f"event: {name}\n" if name else ""
                data = data if isinstance(data, str) else json.dumps(data)
                frame = f"{head}data: {data}\n\n".encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(frame), frame))
            self.wfile.write(b"0\r\n\r\n")

        def say(self, value, status=200):
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", asked
