"""A tree as a Mermaid flowchart, which GitHub and many wikis draw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import labels
from finetune_advisor.formats.graphics.highlight import Highlight, build_highlight

# Everything outside of this list is escaped, since Mermaid, Markdown and HTML each have special characters.
# At the beginning, Markdown gives meaning to more of them.
UNSAFE_CHARACTER = re.compile(r"[^\w ?!,.()/':=≤≥-]|^[^\w(≤≥]")
# Mermaid doesn't draw a label that Markdown takes for a numbered list.
LIST_MARKER = re.compile(r"^(\d+)\.")
# Mermaid's defaults for maxEdges and maxTextSize. A page can raise them; a chart can't.
MAX_EDGES, MAX_TEXT_LENGTH = 500, 50_000
MAX_NOTE_LENGTH = 200
"""The maximum length of the comment with the configuration that a large chart needs, in characters."""
ENTITY_BY_CHARACTER = {"<": "#lt;", ">": "#gt;", "&": "#amp;", '"': "#quot;"}
# Mermaid knows no escapes in a title, and takes what is between < and > for HTML.
ANGLE_REPLACEMENTS = str.maketrans("<>", "\u2039\u203a")
NODE_STYLES = {
    "question": "fill:#f4f6f8,stroke:#55606e,color:#14181d",
    "no": "fill:#dcebfa,stroke:#2563a8,color:#14181d",
    "not_yet": "fill:#fdf0c8,stroke:#a16a00,color:#14181d",
    "partly": "fill:#ece2fb,stroke:#6d3fb5,color:#14181d",
    "yes": "fill:#d9f2df,stroke:#1d7a3a,color:#14181d",
    "answered": "stroke-width:4px",
    "next": "stroke-width:4px,stroke-dasharray:8 4",
    "faded": "opacity:0.35",
}


def render_mermaid(tree: Tree, assessment: Assessment | None = None) -> str:
    """Render a tree as a Mermaid flowchart.

    With an assessment by that tree, its path is drawn in thick lines, and impossible parts fade. A chart
    beyond Mermaid's default limits has a comment that names the configuration it needs.
    """
    highlight = build_highlight(assessment) if assessment else None
    body = (*_nodes(tree), *_edges(tree, highlight), *_styles(tree, highlight), "")
    chart = "\n".join((*_head(tree), *body))
    configuration = find_needed_configuration(tree, len(chart))
    if not configuration:
        return chart
    note = f"  %% Larger than Mermaid draws by default: pass {{{configuration}}} to mermaid.initialize."
    return "\n".join((*_head(tree), note, *body))


def find_needed_configuration(tree: Tree, length: int) -> str:
    """Name the configuration that Mermaid needs to draw a tree's chart of `length` characters.

    Returns fields of JavaScript, such as `maxEdges: 502`; an empty text if the defaults are enough.
    """
    edges = sum(len(question.branches) for question in tree.questions.values())
    fields = []
    if edges > MAX_EDGES:
        fields.append(f"maxEdges: {edges}")
    if length > MAX_TEXT_LENGTH:
        # The comment with this very configuration makes the chart longer.
        fields.append(f"maxTextSize: {length + MAX_NOTE_LENGTH}")
    return ", ".join(fields)


def _head(tree: Tree) -> Iterator[str]:
    heading = labels.format_tree_heading(tree)
    title = json.dumps(heading.translate(ANGLE_REPLACEMENTS), ensure_ascii=False)
    yield from ("---", f"title: {title}", "---")
    yield "flowchart TD"
    yield f"  %% tree {tree.version}, {tree.digest}"
    yield f"  accTitle: {_escaped(heading)}"
    description = f"{len(tree.questions)} questions lead to {len(tree.recommendations)} recommendations"
    yield f"  accDescr: {description}"


def _nodes(tree: Tree) -> Iterator[str]:
    for node in tree.topological_index:
        if node in tree.questions:
            yield f'  {_node_id(tree, node)}(["{_escaped(tree.questions[node].text)}"]):::question'
        else:
            recommendation = tree.recommendations[node]
            verdict = recommendation.finetune
            text = f"{_escaped(recommendation.title)}<br/>fine-tune: {labels.FINETUNE_LABELS[verdict]}"
            yield f'  {_node_id(tree, node)}["{text}"]:::{verdict}'


def _edges(tree: Tree, highlight: Highlight | None) -> Iterator[str]:
    # Mermaid styles edges by their number in the chart.
    taken, faded = [], []
    branches = [
        (question, branch) for question in tree.ordered_questions for branch in question.branches
    ]
    for number, (question, branch) in enumerate(branches):
        text = _escaped(labels.label_branch(tree, question, branch))
        yield f'  {_node_id(tree, question.id)} -->|"{text}"| {_node_id(tree, branch.to)}'
        if highlight and (question.id, branch) in highlight.taken:
            taken.append(str(number))
        elif highlight and not (question.id in highlight.open and branch.to in highlight.nodes):
            faded.append(str(number))
    if taken:
        yield f"  linkStyle {','.join(taken)} stroke-width:5px"
    if faded:
        yield f"  linkStyle {','.join(faded)} opacity:0.35"


def _styles(tree: Tree, highlight: Highlight | None) -> Iterator[str]:
    used_styles = {"question", *(r.finetune for r in tree.recommendations.values())}
    if highlight:
        decided = highlight.candidates if len(highlight.candidates) == 1 else frozenset()
        nodes = tree.topological_index
        nodes_by_style = {
            "answered": [node for node in nodes if node in highlight.answered or node in decided],
            "next": [node for node in nodes if node == highlight.next],
            "faded": [node for node in nodes if node not in highlight.nodes],
        }
        for style, styled_nodes in nodes_by_style.items():
            if styled_nodes:
                yield f"  class {','.join(_node_id(tree, node) for node in styled_nodes)} {style}"
                used_styles.add(style)
    for style, rules in NODE_STYLES.items():
        if style in used_styles:
            yield f"  classDef {style} {rules}"


def _node_id(tree: Tree, node: str) -> str:
    """Return a node's name with a prefix for its kind."""
    # Some names, such as `end`, are keywords of Mermaid.
    return f"q_{node}" if node in tree.questions else f"r_{node}"


def _escaped(text: str) -> str:
    """Escape a text, so that nothing in it is read as Mermaid, HTML or Markdown."""
    escaped = UNSAFE_CHARACTER.sub(lambda match: _entity(match[0]), " ".join(text.split()))
    return LIST_MARKER.sub(r"\1#46;", escaped)


def _entity(character: str) -> str:
    return ENTITY_BY_CHARACTER.get(character, f"#{ord(character)};")
