"""What the scripts share: the two situations, what is asserted of every answer, one line per case."""

import json
import os
import sys
import traceback
import urllib.request

# With a ladder whose second rung speaks the other dialect; with one target only; the same, for errors.
LADDER = os.environ["LADDER"]
ALONE = os.environ["ALONE"]
DOWN = os.environ["DOWN"]
DOWN_CONSOLE = os.environ["DOWN_CONSOLE"]
SIMULATOR = os.environ["SIMULATOR"]

# One white pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg=="
)

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
STOCK = {
    "type": "object",
    "properties": {"article": {"type": "string"}, "note": {"type": "string"}},
    "required": ["article", "note"],
    "additionalProperties": False,
}
ADDRESS = {
    "type": "object",
    "properties": {
        "street": {"type": "string"},
        "number": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["street", "number", "tags"],
    "additionalProperties": False,
}

# Names of headers that depend on the length or the time of an answer, not on who gave it.
INCIDENTAL = {"content-length", "transfer-encoding", "date", "connection"}


def _call(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode()


def behave(*behaviours):
    """From now on providers do this, and nothing else that is wrong."""
    _call("PUT", f"{SIMULATOR}/simulator/behaviour", list(behaviours))


def requests_at(console):
    """How many requests the gateway of this console has seen."""
    lines = _call("GET", f"{console}/metrics").splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("backstop_requests_total"))


def whole(text):
    """Simulated free text ends with a digest of what is before it, and two situations are compared."""
    assert "The end is #" in text and text.endswith("."), f"not whole: {text!r}"
    return text


class Suite:
    """Runs each case in both situations and compares what it returned."""

    def __init__(self, own, other, symptom):
        self.own, self.other, self.symptom = own, other, symptom
        self.failures = 0
        self.headers = []

    def note_headers(self, headers):
        """Called with the headers of every answer."""
        self.headers.append({name.lower(): value for name, value in headers.items()})

    def _once(self, provider, case):
        self.headers.clear()
        result = case()
        names, losses = set(), []
        for headers in self.headers:
            answer = headers.get("backstop-answer", "")
            assert answer.startswith(f"target={provider}/"), f"answered by {answer!r}"
            names |= {name for name in headers if not name.startswith("backstop-")}
            losses.append(headers.get("backstop-lost"))
        return (result, names - INCIDENTAL), ", ".join(filter(None, losses))

    def _line(self, situation, name, run):
        try:
            result, remark = run()
            print(f"ok      {situation:14} {name}{'  lost: ' + remark if remark else ''}", flush=True)
            return result
        except Exception:
            self.failures += 1
            print(f"FAILED  {situation:14} {name}\n{traceback.format_exc()}", flush=True)
            return None

    def both(self, cases):
        """Every case with the primary healthy, then with it dead."""
        behave()
        first = {name: self._line("own dialect", name, lambda: self._once(self.own, case))
                 for name, case in cases.items()}
        behave({"provider": self.own, "symptom": self.symptom})

        def again(name, case):
            result, remark = self._once(self.other, case)
            expected = first[name]
            assert expected is None or result == expected, f"\n{result}\nis not\n{expected}"
            return result, remark

        for name, case in cases.items():
            self._line("other dialect", name, lambda: again(name, case))
        behave()

    def once(self, situation, cases):
        """Cases that have one situation only; what they return is shown."""
        for name, case in cases.items():
            def run():
                remark = case()
                print(f"        {situation}: {name}: {remark}") if remark else None
                return None, ""
            self._line(situation, name, run)

    def finish(self):
        behave()
        sys.exit(1 if self.failures else 0)


def raised_by(act):
    """The exception that this raises; none is a failure."""
    try:
        result = act()
    except Exception as error:
        return error
    raise AssertionError(f"ended normally with {result!r}")


def described(error):
    status = getattr(error, "status_code", None)
    return f"{type(error).__module__.split('.')[0]}.{type(error).__name__}, status {status}"
