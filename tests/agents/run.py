#!/usr/bin/env python3
"""Real agents before the gateway: each does a task with a tool call, first with its own provider,
then with that provider dead and one of another dialect in its place.

    tests/agents/run.py [--write] [NAME…]

--write puts the table into docs/agents.md. Names choose agents by a part of theirs."""

import concurrent.futures
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from agents import AGENTS, HERE
from gateway import OTHER, Gateway, settings
from provider import provider

ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("BACKSTOP", os.path.join(ROOT, "target", "debug", "backstop"))
SECONDS_MAX = 150
# What a provider of each dialect is asked; anything else came from the wrong one.
PATHS = {"anthropic_messages": r"/v1/messages\b", "openai_chat": r"/v1/chat/completions$",
         "openai_responses": r"/v1/responses\b", "gemini": r"/v1(beta)?/models/[^/]+$"}
AT_ONCE = int(os.environ.get("AGENTS_AT_ONCE", "2"))


def run(command, env, folder):
    """Runs a command with its children in a group of their own, which is ended when it is."""
    with open(os.path.join(folder, "agent.log"), "ab+") as log:
        process = subprocess.Popen(command, env=env, cwd=os.path.join(folder, "work"), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            status = "time"
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        log.seek(0)
        return status, log.read().decode(errors="replace")


def attempt(make, dialect, is_dead):
    """One task. Says `ok`, or what went wrong."""
    folder = tempfile.mkdtemp(prefix="backstop-agent-")
    home, work = os.path.join(folder, "home"), os.path.join(folder, "work")
    os.mkdir(home), os.mkdir(work)
    word = f"RIVER-{secrets.token_hex(4).upper()}"
    with open(os.path.join(work, "note.txt"), "w") as note:
        note.write(f"The word is {word}.\n")
    url, asked = provider(os.path.join(work, "note.txt"))
    with Gateway(BINARY, folder, settings(dialect, url, is_dead)) as gateway:
        command, extra = make(home, gateway.url)
        env = {"PATH": os.environ["PATH"], "HOME": home, "TERM": "dumb", "NO_COLOR": "1", "CI": "1",
               "LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1", "NOTE": os.path.join(work, "note.txt"), **extra}
        set_up = env.pop("SET_UP", None)
        if set_up:
            run(json.loads(set_up), env, folder)
        began = time.monotonic()
        status, said = run(command, env, folder)
    paths = sorted({path for path, _ in asked})
    answers = re.compile(PATHS[OTHER[dialect] if is_dead else dialect])
    if status == 0 and word in said and asked and all(answers.match(path) for path in paths):
        shutil.rmtree(folder, ignore_errors=True)
        return "ok", f"{time.monotonic() - began:.0f} s"
    tail = re.sub(r"\s+", " ", said)[-300:]
    return "failed", f"exit {status}, asked {len(asked)} {paths}, see {folder}: {tail}"


def speaks(dialect):
    """Whether this gateway knows the dialect."""
    folder = tempfile.mkdtemp(prefix="backstop-agent-")
    try:
        with Gateway(BINARY, folder, settings(dialect, "http://127.0.0.1:9", True)):
            return True
    except RuntimeError:
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def judge(agent, known):
    name, version, dialect, make = agent
    row = {"name": name, "dialect": dialect, "other": OTHER[dialect], "version": "", "own": "", "dead": "", "notes": ""}
    try:
        row["version"] = version()
    except (OSError, IndexError, KeyError):
        return {**row, "own": "skipped", "dead": "skipped", "notes": "not installed: tests/agents/setup"}
    if not known[dialect]:
        return {**row, "own": "skipped", "dead": "skipped", "notes": "the gateway does not speak it"}
    for what, is_dead in (("own", False), ("dead", True)):
        row[what], note = attempt(make, dialect, is_dead)
        if row[what] != "ok":
            row["notes"] += f"{what}: {note} "
    print(f"{row['own']:8}{row['dead']:8}{name} {row['version']} {row['notes']}", flush=True)
    return row


def table(rows):
    lines = ["| Agent | Version | Its own dialect | Own provider | Own provider dead, another dialect answers |",
             "|---|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row['name']} | {row['version']} | `{row['dialect']}` | {row['own']} | {row['dead']} (`{row['other']}`) |")
    return "\n".join(lines)


def main():
    names = [name for name in sys.argv[1:] if name != "--write"]
    chosen = [agent for agent in AGENTS if not names or any(part.lower() in agent[0].lower() for part in names)]
    known = {dialect: speaks(dialect) for dialect in {agent[2] for agent in chosen}}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda agent: judge(agent, known), chosen))
    print(table(rows))
    if "--write" in sys.argv:
        path = os.path.join(ROOT, "docs", "agents.md")
        page = open(path).read()
        before, rest = page.split("<!-- results -->\n", 1)
        after = rest.split("<!-- end of results -->", 1)[1]
        with open(path, "w") as file:
            file.write(f"{before}<!-- results -->\n{table(rows)}\n<!-- end of results -->{after}")
    skipped = [row["name"] for row in rows if row["own"] == "skipped"]
    for name in skipped:
        print(f"skip: {name}")
    sys.exit(any("failed" in (row["own"], row["dead"]) for row in rows))


main()
