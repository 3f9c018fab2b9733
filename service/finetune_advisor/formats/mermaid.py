"""A tree as a Mermaid flowchart, which GitHub and many wikis draw as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import labels
from finetune_advisor.formats.graphics.highlight import Highlight, build_highlight

UNSAFE_CHARACTER = re.compile(r"[^\w ?!,.()/':=≤≥-]|^[^\w(≤≥]")
LIST_MARKER = re.compile(r"^(\d+)\.")
MAX_EDGES, MAX_TEXT_LENGTH = 500, 50_000
"""What Mermaid draws unless it is configured otherwise, which a chart itself can't do."""
MAX_NOTE_LENGTH = 200
"""How much longer a chart is with a note on what it needs, at most."""
ENTITY_BY_CHARACTER = {"<": "#lt;", ">": "#gt;", "&": "#amp;", '"': "#quot;"}
ANGLE_REPLACEMENTS = str.maketrans("<>", "\u2039\u203a")
"""A title is taken as it is, and what stands between < and > for HTML."""
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
    """A tree as a Mermaid flowchart; with an assessment of it, its path is thick and the rest fades."""
    about = build_highlight(assessment) if assessment else None
    body = (*_nodes(tree), *_edges(tree, about), *_styles(tree, about), "")
    chart = "\n".join((*_head(tree), *body))
    needed = find_needed_configuration(tree, len(chart))
    if not needed:
        return chart
    note = f"  %% Larger than Mermaid draws by default: pass {{{needed}}} to mermaid.initialize."
    return "\n".join((*_head(tree), note, *body))


def find_needed_configuration(tree: Tree, length: int) -> str:
    """What Mermaid has to be configured with to draw a tree as a chart of so many characters, if anything."""
    edges = sum(len(question.branches) for question in tree.questions.values())
    needed = []
    if edges > MAX_EDGES:
        needed.append(f"maxEdges: {edges}")
    if length > MAX_TEXT_LENGTH:
        needed.append(f"maxTextSize: {length + MAX_NOTE_LENGTH}")
    return ", ".join(needed)


def _head(tree: Tree) -> Iterator[str]:
    heading = labels.format_tree_heading(tree)
    title = json.dumps(heading.translate(ANGLE_REPLACEMENTS), ensure_ascii=False)
    yield from ("---", f"title: {title}", "---")
    yield "flowchart TD"
    yield f"  %% tree {tree.version}, {tree.digest}"
    yield f"  accTitle: {_escaped(heading)}"
    count = f"{len(tree.questions)} questions lead to {len(tree.recommendations)} recommendations"
    yield f"  accDescr: {count}"


def _nodes(tree: Tree) -> Iterator[str]:
    for node in tree.topological_index:
        if node in tree.questions:
            yield f'  {_node_id(tree, node)}(["{_escaped(tree.questions[node].text)}"]):::question'
        else:
            leaf = tree.recommendations[node]
            tune = f"fine-tune: {labels.FINETUNE_LABELS[leaf.finetune]}"
            yield f'  {_node_id(tree, node)}["{_escaped(leaf.title)}<br/>{tune}"]:::{leaf.finetune}'


def _edges(tree: Tree, about: Highlight | None) -> Iterator[str]:
    taken, faded = [], []
    branches = [
        (question, branch) for question in tree.ordered_questions for branch in question.branches
    ]
    for number, (question, branch) in enumerate(branches):
        text = _escaped(labels.label_branch(tree, question, branch))
        yield f'  {_node_id(tree, question.id)} -->|"{text}"| {_node_id(tree, branch.to)}'
        if about and (question.id, branch) in about.taken:
            taken.append(str(number))
        elif about and not (question.id in about.open and branch.to in about.nodes):
            faded.append(str(number))
    if taken:
        yield f"  linkStyle {','.join(taken)} stroke-width:5px"
    if faded:
        yield f"  linkStyle {','.join(faded)} opacity:0.35"


def _styles(tree: Tree, about: Highlight | None) -> Iterator[str]:
    used = {"question", *(leaf.finetune for leaf in tree.recommendations.values())}
    if about:
        decided = about.candidates if len(about.candidates) == 1 else frozenset()
        marked = {
            "answered": [n for n in tree.topological_index if n in about.answered or n in decided],
            "next": [n for n in tree.topological_index if n == about.next],
            "faded": [n for n in tree.topological_index if n not in about.nodes],
        }
        for style, nodes in marked.items():
            if nodes:
                yield f"  class {','.join(_node_id(tree, node) for node in nodes)} {style}"
                used.add(style)
    for style, rules in NODE_STYLES.items():
        if style in used:
            yield f"  classDef {style} {rules}"


def _node_id(tree: Tree, node: str) -> str:
    """A node's name with a prefix: names such as `end` mean something in Mermaid."""
    return f"q_{node}" if node in tree.questions else f"r_{node}"


def _escaped(text: str) -> str:
    """A text in which nothing can be read as Mermaid, HTML or Markdown."""
    plain = UNSAFE_CHARACTER.sub(lambda found: _entity(found[0]), " ".join(text.split()))
    return LIST_MARKER.sub(r"\1#46;", plain)


def _entity(character: str) -> str:
    return ENTITY_BY_CHARACTER.get(character, f"#{ord(character)};")
