"""The task that all libraries do: look the note up with a tool, and say what it says."""

import os

GATEWAY = os.environ["GATEWAY"]
TASK = "Look the note called `note` up, and tell me the word in it that begins with RIVER-."


def lookup(name: str) -> str:
    """Gives the text of the note of that name."""
    with open(os.environ["NOTE"]) as note:
        return f"{name}: {note.read()}"
