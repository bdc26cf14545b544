"""An agent of LangChain."""

import sys

from task import GATEWAY, TASK, lookup


def model(dialect):
    if dialect == "anthropic_messages":
        from langchain_anthropic import ChatAnthropic
        return ChatAnthropic(model="claude-sonnet-5", base_url=GATEWAY, api_key="sk-ant-agent", max_retries=0)
    if dialect == "gemini":
        from langchain_google_genai import ChatGoogleGenerativeAI
        return ChatGoogleGenerativeAI(model="gemini-2.5-pro", google_api_key="agent-key", base_url=GATEWAY, max_retries=1)
    from langchain_openai import ChatOpenAI
    return ChatOpenAI(model="gpt-5.4", base_url=f"{GATEWAY}/v1", api_key="sk-agent", max_retries=0,
                      use_responses_api=dialect == "openai_responses")


from langgraph.prebuilt import create_react_agent

agent = create_react_agent(model(sys.argv[1]), [lookup])
# Streamed and whole, because frameworks do both.
said = ""
for chunk, _ in agent.stream({"messages": [("user", TASK)]}, stream_mode="messages"):
    if type(chunk).__name__.startswith("AI"):
        said += chunk.text() if callable(chunk.text) else chunk.text
whole = agent.invoke({"messages": [("user", TASK)]})["messages"][-1]
whole = whole.text() if callable(whole.text) else whole.text
assert whole and whole in said, (whole, said)
print(whole)
