"""The gateway under test, as its binary."""

import os
import socket
import subprocess
import urllib.request

MODELS = {"anthropic_messages": "claude-sonnet-5", "openai_chat": "gpt-5.4", "openai_responses": "gpt-5.4",
          "gemini": "gemini-2.5-pro"}
OTHER = {"anthropic_messages": "openai_responses", "openai_chat": "anthropic_messages",
         "openai_responses": "anthropic_messages", "gemini": "openai_chat"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def settings(own, provider, is_dead):
    """One route for every model: the agent's own dialect, then a model of another."""
    other = OTHER[own]
    first = f"http://127.0.0.1:{free_port()}" if is_dead else provider
    return f"""
listen: 127.0.0.1:{{port}}
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
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        path = os.path.join(folder, "backstop.yaml")
        with open(path, "w") as file:
            file.write(yaml.replace("{port}", str(self.port)))
        self.log = open(os.path.join(folder, "gateway.log"), "w")
        self.process = subprocess.Popen([binary, "serve", "--config", path], stdout=self.log, stderr=self.log,
                                        env={"PATH": os.environ["PATH"], "HOME": folder, "BACKSTOP_LOG": "debug"})
        self.wait()

    def wait(self):
        """Until it answers, or has ended."""
        for _ in range(400):
            try:
                urllib.request.urlopen(self.url, timeout=1).close()
                return
            except OSError:
                pass
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            with open(self.log.name) as log:
                raise RuntimeError("the gateway ended: " + log.read()[-2000:])
        raise RuntimeError("the gateway does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
