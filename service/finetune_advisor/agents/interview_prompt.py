"""The prompt `interview`: how a model leads an interview with the tools."""

from __future__ import annotations

PROMPT_NAME = "interview"
PROMPT_TITLE = "Interview about fine-tuning"
PROMPT_DESCRIPTION = (
    "Finds out by an interview whether to fine-tune an LLM or to do something cheaper first."
)
MAX_KNOWN_LENGTH = 10_000
"""The characters of what is known so far. Standard input has no limit of its own."""

SERVER_INSTRUCTIONS = (
    "Answers whether a team should fine-tune an LLM or do something cheaper first, from versioned decision "
    "trees. Call assess with what is known, even with nothing. While it is undecided, put next_question to "
    "the person and call assess again with all answers so far. Never guess an answer, and never fill a "
    "profile with assumptions: leave out what isn't known, and name in skipped what the person can't tell. "
    "When it is decided, give the recommendation with its reason, next steps, risks and references. "
    "Facts about fine-tuning come from the tools and their sources, not from memory."
)


def render_interview_prompt(version: str, known: str) -> str:
    """Render the prompt for a version of the tree and for what is known so far, in anybody's words."""
    facts = f"What is known so far:\n{known.strip()}" if known.strip() else "Nothing is known so far."
    return f"""\
Find out with me whether we should fine-tune an LLM, by tree {version} of Finetune Advisor.

{facts}

1. Map what is known to inputs: describe_input with tree_version {version} lists them. Use only what I said.
2. Call assess with the profile and tree_version {version}.
3. While the status is undecided, ask me next_question in its own words, with its choices. Explain it by its \
help if I ask. Wait for my answer: never answer for me. If I can't tell, add the input to skipped. Then \
call assess again with all answers so far.
4. Once it is decided, tell me the recommendation, why, the next steps, the risks and the references, and \
the receipt. Then offer to show with explain what would change it."""
