"""Writes fuzz/seeds/<target>/ and fuzz/seeds/<target>.dict: where each fuzz target begins.

Cases of the tree are taken apart, one for each file: requests of the corpus, streams of goldens (of
an event-stream as server-sent events, which need no checksums). The words of a dictionary are the
keys and short values of the same JSON. `fuzz/run` calls it.
"""

import hashlib
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
SEEDS = ROOT / "fuzz/seeds"
DIALECTS = ROOT / "core/dialects"

WORDS_MAX = 3000
WORD_BYTES_MAX = 40

LISTS = [
    {"data": [{"type": "model", "id": "claude-x-1", "max_input_tokens": 500000, "max_tokens": 64000,
               "retires_at": "2028-01-31T00:00:00Z",
               "capabilities": {"image_input": {"supported": True}, "effort": {"supported": True, "low": {"supported": True}}}}],
     "has_more": True, "last_id": "claude-x-1"},
    {"object": "list", "data": [{"id": "a/b", "context_length": 8192, "max_model_len": 4096,
                                 "architecture": {"input_modalities": ["text", "image"]},
                                 "pricing": {"prompt": "0.000001", "completion": "0.000002"},
                                 "supported_parameters": ["tools", "reasoning"]}]},
    {"models": [{"name": "models/gemini-x", "inputTokenLimit": 1048576, "outputTokenLimit": 65536, "thinking": True,
                 "supportedGenerationMethods": ["generateContent"]}], "nextPageToken": "x y"},
    {"gpt-x": {"litellm_provider": "openai", "max_input_tokens": 100, "max_output_tokens": 10, "mode": "chat",
               "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "supports_vision": True}},
    {"openai": {"models": {"gpt-x": {"id": "gpt-x", "limit": {"context": 9, "output": 8}, "tool_call": True,
                                     "cost": {"input": 1, "output": 2}, "modalities": {"input": ["text"]}}}}},
    {"backstop_models": 1, "models": [{"vendor": "openai", "name": "m", "said": [
        {"source": "s", "as_of": "2026-11-21", "facts": {"tools": True, "context_tokens_max": 9}}]}]},
]
EMBEDDINGS = [
    ('{"input":["a","b"],"dimensions":2}', '{"data":[{"embedding":[0.5,1]},{"embedding":[1,2]}],"usage":{"prompt_tokens":7}}'),
    ('{"input":[[1,2],[3]]}', '{"data":[{"embedding":"AAAAPwAAgD8="},{"embedding":"AAAAPwAAgD8="}]}'),
]
PATHS = [
    "/v1beta/models/gemini-x:generateContent",
    "/v1/models/m:streamGenerateContent",
    "/v1/v1beta/models/org%2Fm%3A8b:countTokens/",
    "/model/anthropic.claude-x%3A0/converse",
    "/model/m/converse-stream",
]


def requests():
    for path in sorted((DIALECTS / "corpus").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            yield json.dumps(json.loads(line)["body"])
    for path in sorted((DIALECTS / "golden").glob("*/*/request.json")):
        yield path.read_text()


def streams():
    for path in sorted((DIALECTS / "golden").glob("*/*/stream*.sse")):
        yield path.read_text(errors="replace") + "\0"
    for path in sorted((DIALECTS / "golden").glob("*/*/stream*.events")):
        lines = (line.partition(" ") for line in path.read_text().splitlines())
        yield "".join(f"event: {name}\ndata: {data}\n\n" for name, _, data in lines) + "\0"


def lists():
    for path in sorted((DIALECTS / "golden/gemini").glob("*/stream.sse")):
        frames = re.findall(r"(?m)^data: (.*)$", path.read_text())
        yield "[" + ",\n".join(frames) + "]\0"


def answers():
    for path in sorted((DIALECTS / "golden").glob("*/*/answer*.json")):
        yield path.read_text()


def kept():
    ask = '{"model":"m","previous_response_id":"resp_1","input":"more"}'
    for path in sorted((DIALECTS / "golden").glob("*/*/answer.openai_responses.json")):
        yield f"{ask}\n{json.dumps(json.loads(path.read_text()))}"
    for path in sorted((DIALECTS / "golden").glob("*/*/stream.openai_responses.sse")):
        yield f"{ask}\n{path.read_text()}"
    for line in (DIALECTS / "corpus/openai_responses.jsonl").read_text().splitlines():
        yield json.dumps({**json.loads(line)["body"], "previous_response_id": "resp_1"}) + '\n{"output":[]}'


def files(folder, pattern):
    return (path.read_text(errors="replace") for path in sorted((ROOT / folder).glob(pattern)))


TARGETS = {
    "request": lambda: requests(),
    "scan": lambda: requests(),
    "edits": lambda: (body + "\x55" for body in requests()),
    "answer": lambda: answers(),
    "stream": lambda: streams(),
    "frames": lambda: [*streams(), *lists()],
    "event_stream": lambda: (re.sub(r"(?m)^event: .*\n|^data: ", "", text) for text in streams()),
    "kept": lambda: kept(),
    "models": lambda: map(json.dumps, LISTS),
    "embeddings": lambda: map("\n".join, EMBEDDINGS),
    "paths": lambda: PATHS,
    "settings": lambda: files("core/settings/golden", "*/*.yaml"),
    "import": lambda: files("core/settings/golden_import", "*/*.yaml"),
    "scenario": lambda: files("scenarios", "*.yaml"),
}
# Where words of JSON make up what is read.
SPOKEN = {"request", "scan", "edits", "answer", "stream", "frames", "event_stream", "kept", "models", "embeddings", "error"}


def words(texts):
    """Keys and short values, in quotes as they stand in JSON."""
    found = {}
    for text in texts:
        for word in re.findall(r'"(?:[A-Za-z0-9_.\-/:]){1,%d}"' % WORD_BYTES_MAX, text):
            found[word] = found.get(word, 0) + 1
    return sorted(found, key=lambda word: (-found[word], word))[:WORDS_MAX]


def main():
    SEEDS.mkdir(exist_ok=True)
    spoken = [*requests(), *streams(), *answers(), *map(json.dumps, LISTS)]
    dictionary = "".join('"%s"\n' % word.replace('"', '\\"') for word in words(spoken))
    for target, cases in TARGETS.items():
        folder = SEEDS / target
        folder.mkdir(exist_ok=True)
        for case in cases():
            data = case.encode()
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    for target in SPOKEN:
        (SEEDS / f"{target}.dict").write_text(dictionary)


if __name__ == "__main__":
    main()
