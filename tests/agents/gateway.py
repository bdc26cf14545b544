"""The gateway under test, as its binary."""

import os
import re
import subprocess

MODELS = {"anthropic_messages": "claude-sonnet-5", "openai_chat": "gpt-5.4", "openai_responses": "gpt-5.4",
          "gemini": "gemini-2.5-pro"}
OTHER = {"anthropic_messages": "openai_responses", "openai_chat": "anthropic_messages",
         "openai_responses": "anthropic_messages", "gemini": "openai_chat"}


# Where nobody listens: a port that only the system's own programs may take.
NOBODY = "http://127.0.0.1:1"
ADDRESS = re.compile(r"^applications +(http://\S+)$", re.MULTILINE)


def settings(own, provider, is_dead):
    """One route for every model: the agent's own dialect, then a model of another."""
    other = OTHER[own]
    first = NOBODY if is_dead else provider
    return f"""
listen: 127.0.0.1:0
console: off
store: none
providers:
  own: {{ dialect: {own}, base_url: "{first}", api_key: key-of-own, tier: full }}
  other: {{ dialect: {other}, base_url: "{provider}", api_key: key-of-other, tier: full }}
routes:
  - {{ name: all, models: ["*"], trickle: 0, allow_loss: [hosted_tools], ladder: [{{ targets: [own/*] }}, {{ targets: [other/{MODELS[other]}] }}] }}
"""


class Gateway:
    def __init__(self, binary, folder, yaml):
        path = os.path.join(folder, "backstop.yaml")
        with open(path, "w") as file:
            file.write(yaml)
        self.log = open(os.path.join(folder, "gateway.log"), "w")
        self.process = subprocess.Popen([binary, "serve", "--config", path], stdout=self.log, stderr=self.log,
                                        env={"PATH": os.environ["PATH"], "HOME": folder, "BACKSTOP_LOG": "debug"})
        self.url = self.wait()

    def wait(self):
        """Its address, once it says so, which it does when it answers."""
        for _ in range(400):
            with open(self.log.name) as log:
                said = log.read()
            found = ADDRESS.search(said)
            if found:
                return found.group(1)
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError("the gateway ended: " + said[-2000:])
        raise RuntimeError("the gateway does not say where it listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
