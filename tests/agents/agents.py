"""The agents: how each is told where the gateway is, and what to do."""

import glob
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = os.path.join(HERE, "node_modules", ".bin")
AIDER = os.path.join(HERE, ".venv-aider", "bin", "aider")
TASK = "Read the file note.txt in this folder and tell me the word in it that begins with RIVER-. Change nothing."
CHAT, RESPONSES, MESSAGES, GEMINI = "openai_chat", "openai_responses", "anthropic_messages", "gemini"


def write(home, path, text):
    path = os.path.join(home, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text if isinstance(text, str) else json.dumps(text))
    return path


def claude(home, url):
    env = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-ant-agent", "DISABLE_TELEMETRY": "1",
           "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_ERROR_REPORTING": "1"}
    return [f"{NODE}/claude", "-p", TASK, "--model", "claude-sonnet-5", "--allowedTools", "Read"], env


def codex(home, url):
    return codex_with(home, 'model_provider = "gateway"', f"""
[model_providers.gateway]
name = "gateway"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
""")


def codex_built_in(home, url):
    """The provider it brings asks over a WebSocket first."""
    return codex_with(home, f'openai_base_url = "{url}/v1"', "")


def codex_with(home, told, more):
    write(home, ".codex/config.toml", f"""
model = "gpt-5.4"
{told}
check_for_update_on_startup = false
[analytics]
enabled = false
{more}""")
    command = [f"{NODE}/codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", TASK]
    return command, {"OPENAI_API_KEY": "sk-agent", "CODEX_API_KEY": "sk-agent", "CODEX_HOME": f"{home}/.codex"}


def gemini(home, url):
    write(home, ".gemini/settings.json", {
        "security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True, "disableUpdateNag": True}, "telemetry": {"enabled": False}})
    env = {"GEMINI_API_KEY": "agent-key", "GOOGLE_GEMINI_BASE_URL": url, "GEMINI_CLI_TRUST_WORKSPACE": "true"}
    return [f"{NODE}/gemini", "--yolo", "-m", "gemini-2.5-pro", "-p", TASK], env


def opencode(kind, package, model):
    def command(home, url):
        base = f"{url}/v1beta" if kind == "google" else f"{url}/v1"
        config = write(home, "opencode.json", {
            "$schema": "https://opencode.ai/config.json", "autoupdate": False, "share": "disabled",
            "permission": {"*": "allow"},
            "provider": {"gateway": {"npm": package, "name": "gateway", "options": {"baseURL": base, "apiKey": "agent-key"},
                                     "models": {model: {"name": model, "tool_call": True}}}}})
        env = {"OPENCODE_CONFIG": config, "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
               "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"}
        return [f"{NODE}/opencode", "run", "-m", f"gateway/{model}", TASK], env
    return command


def qwen(home, url):
    write(home, ".qwen/settings.json", {"privacy": {"usageStatisticsEnabled": False}, "telemetry": {"enabled": False},
                                        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
                                        "security": {"auth": {"selectedType": "openai"}}})
    env = {"OPENAI_API_KEY": "sk-agent", "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_MODEL": "gpt-5.4"}
    return [f"{NODE}/qwen", "--yolo", "--auth-type", "openai", "-p", TASK], env


def continue_dev(home, url):
    config = write(home, "continue.yaml", f"""
name: gateway
version: 1.0.0
schema: v1
models:
  - {{ name: gateway, provider: openai, model: gpt-5.4, apiBase: "{url}/v1", apiKey: sk-agent, roles: [chat], capabilities: [tool_use] }}
""")
    env = {"CONTINUE_TELEMETRY_ENABLED": "0", "CONTINUE_CLI_ENABLE_TELEMETRY": "0", "CONTINUE_GLOBAL_DIR": f"{home}/.continue"}
    return [f"{NODE}/cn", "--config", config, "--auto", "-p", TASK], env


def cline(home, url):
    env = {"CLINE_DIR": f"{home}/.cline", "CLINE_TELEMETRY_DISABLED": "1", "OPENAI_API_KEY": "sk-agent"}
    set_up = [f"{NODE}/cline", "auth", "--provider", "openai-compatible", "--apikey", "sk-agent",
              "--modelid", "gpt-5.4", "--baseurl", f"{url}/v1"]
    return [f"{NODE}/cline", "--yolo", TASK], {**env, "SET_UP": json.dumps(set_up)}


def aider(model, variable, base):
    def command(home, url):
        env = {f"{variable}_API_KEY": "sk-agent", f"{variable}_API_BASE": url + base, f"{variable}_BASE_URL": url + base,
               "AIDER_ANALYTICS": "false"}
        return [AIDER, "--model", model, "--read", "note.txt", "--no-git", "--yes-always", "--no-check-update",
                "--no-show-release-notes", "--no-show-model-warnings", "--no-analytics", "--map-tokens", "0",
                "--chat-mode", "ask", "--message", TASK], env
    return command


def claude_agent(home, url):
    return ["node", os.path.join(HERE, "clients", "claude_agent.mjs")], claude(home, url)[1]


def library(venv, name, variant):
    def command(home, url):
        program = os.path.join(HERE, f".venv-{venv}", "bin", "python") if venv else "node"
        return [program, os.path.join(HERE, "clients", name), variant], {"GATEWAY": url, "PYTHONDONTWRITEBYTECODE": "1"}
    return command


def npm(package):
    return lambda: json.load(open(os.path.join(HERE, "node_modules", package, "package.json")))["version"]


def pip(venv, package):
    def version():
        stem = package.replace("-", "_")
        found = glob.glob(os.path.join(HERE, f".venv-{venv}", "lib", "*", "site-packages", f"{stem}-*.dist-info"))
        return os.path.basename(found[0])[len(stem) + 1:-len(".dist-info")]
    return version


# Name, version, own dialect, command.
AGENTS = [
    ("Claude Code", npm("@anthropic-ai/claude-code"), MESSAGES, claude),
    ("Claude Agent SDK", npm("@anthropic-ai/claude-agent-sdk"), MESSAGES, claude_agent),
    ("Codex", npm("@openai/codex"), RESPONSES, codex),
    ("Codex, built-in provider", npm("@openai/codex"), RESPONSES, codex_built_in),
    ("Gemini CLI", npm("@google/gemini-cli"), GEMINI, gemini),
    ("opencode, Messages", npm("opencode-ai"), MESSAGES, opencode("anthropic", "@ai-sdk/anthropic", "claude-sonnet-5")),
    ("opencode, Chat", npm("opencode-ai"), CHAT, opencode("compatible", "@ai-sdk/openai-compatible", "gpt-5.4")),
    ("opencode, Responses", npm("opencode-ai"), RESPONSES, opencode("openai", "@ai-sdk/openai", "gpt-5.4")),
    ("opencode, Gemini", npm("opencode-ai"), GEMINI, opencode("google", "@ai-sdk/google", "gemini-2.5-pro")),
    ("Qwen Code", npm("@qwen-code/qwen-code"), CHAT, qwen),
    ("Continue (cn)", npm("@continuedev/cli"), RESPONSES, continue_dev),
    ("Cline", npm("cline"), CHAT, cline),
    ("aider, Messages", pip("aider", "aider-chat"), MESSAGES, aider("anthropic/claude-sonnet-5", "ANTHROPIC", "")),
    ("aider, Chat", pip("aider", "aider-chat"), CHAT, aider("openai/gpt-5.4", "OPENAI", "/v1")),
    ("LangChain Python, Messages", pip("langchain", "langchain-anthropic"), MESSAGES, library("langchain", "lang_chain.py", MESSAGES)),
    ("LangChain Python, Chat", pip("langchain", "langchain-openai"), CHAT, library("langchain", "lang_chain.py", CHAT)),
    ("LangChain Python, Responses", pip("langchain", "langchain-openai"), RESPONSES, library("langchain", "lang_chain.py", RESPONSES)),
    ("LangChain Python, Gemini", pip("langchain", "langchain-google-genai"), GEMINI, library("langchain", "lang_chain.py", GEMINI)),
    ("LangChain JS, Messages", npm("@langchain/anthropic"), MESSAGES, library(None, "lang_chain.mjs", MESSAGES)),
    ("LangChain JS, Chat", npm("@langchain/openai"), CHAT, library(None, "lang_chain.mjs", CHAT)),
    ("LangChain JS, Responses", npm("@langchain/openai"), RESPONSES, library(None, "lang_chain.mjs", RESPONSES)),
    ("LangChain JS, Gemini", npm("@langchain/google-genai"), GEMINI, library(None, "lang_chain.mjs", GEMINI)),
    ("LlamaIndex, Messages", pip("llama", "llama-index-llms-anthropic"), MESSAGES, library("llama", "llama_index_agent.py", MESSAGES)),
    ("LlamaIndex, Chat", pip("llama", "llama-index-llms-openai"), CHAT, library("llama", "llama_index_agent.py", CHAT)),
    ("LlamaIndex, Responses", pip("llama", "llama-index-llms-openai"), RESPONSES, library("llama", "llama_index_agent.py", RESPONSES)),
    ("Pydantic AI, Messages", pip("pydantic", "pydantic-ai-slim"), MESSAGES, library("pydantic", "pydantic_agent.py", MESSAGES)),
    ("Pydantic AI, Chat", pip("pydantic", "pydantic-ai-slim"), CHAT, library("pydantic", "pydantic_agent.py", CHAT)),
    ("Pydantic AI, Responses", pip("pydantic", "pydantic-ai-slim"), RESPONSES, library("pydantic", "pydantic_agent.py", RESPONSES)),
    ("Pydantic AI, Gemini", pip("pydantic", "pydantic-ai-slim"), GEMINI, library("pydantic", "pydantic_agent.py", GEMINI)),
    ("OpenAI Agents, Responses", pip("openai", "openai-agents"), RESPONSES, library("openai", "openai_agents.py", RESPONSES)),
    ("OpenAI Agents, Chat", pip("openai", "openai-agents"), CHAT, library("openai", "openai_agents.py", CHAT)),
    ("OpenAI Agents JS, Responses", npm("@openai/agents"), RESPONSES, library(None, "openai_agents.mjs", RESPONSES)),
    ("OpenAI Agents JS, Chat", npm("@openai/agents"), CHAT, library(None, "openai_agents.mjs", CHAT)),
    ("Vercel AI SDK, Messages", npm("ai"), MESSAGES, library(None, "ai_sdk.mjs", MESSAGES)),
    ("Vercel AI SDK, Chat", npm("ai"), CHAT, library(None, "ai_sdk.mjs", CHAT)),
    ("Vercel AI SDK, Responses", npm("ai"), RESPONSES, library(None, "ai_sdk.mjs", RESPONSES)),
    ("Vercel AI SDK, Gemini", npm("ai"), GEMINI, library(None, "ai_sdk.mjs", GEMINI)),
]
