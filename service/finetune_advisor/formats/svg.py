"""A tree as an SVG picture, which can highlight the path of an assessment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats import labels
from finetune_advisor.formats.graphics.curves import round_corners
from finetune_advisor.formats.graphics.highlight import build_highlight
from finetune_advisor.formats.graphics.layout import (
    Drawing,
    LayoutLine,
    Point,
    RoutedLine,
    can_be_laid_out,
    lay_out_boxes,
)
from finetune_advisor.formats.graphics.svg_style import SVG_STYLESHEET
from finetune_advisor.formats.graphics.typesetting import (
    break_into_lines,
    estimate_text_width,
    replace_invalid_xml,
)

# Sizes in pixels. The font sizes are those of the stylesheet.
BOX_WIDTH, BOX_PADDING, MAX_LABEL_WIDTH = 206.0, 12.0, 212.0
PICTURE_MARGIN, MIN_PICTURE_WIDTH, HEADER_HEIGHT = 28.0, 620.0, 92.0
FONT_SIZE, SMALL_FONT_SIZE, TITLE_FONT_SIZE = 13.0, 11.5, 19.0
LINE_HEIGHT, TITLE_LINE_HEIGHT = 17.0, TITLE_FONT_SIZE * 1.3


class TooLargeToDrawError(FinetuneAdvisorError):
    """A tree has too many questions in a row, or branches side by side, for a layout in reasonable time."""


def render_svg(tree: Tree, assessment: Assessment | None = None) -> str:
    """Render a tree as an SVG picture.

    With an assessment by that tree, its path stands out, and impossible parts fade. Raises
    TooLargeToDrawError.
    """
    return Picture(tree).render(assessment)


@dataclass(frozen=True)
class _Box:
    """The content of a node's box: its CSS class, its lines of text, and a small line at the bottom."""

    kind: str
    text: tuple[str, ...]
    note: str = ""

    @property
    def height(self) -> float:
        return 2 * BOX_PADDING + LINE_HEIGHT * (len(self.text) + bool(self.note))


class Picture:
    """The picture of a tree, to be rendered for several assessments.

    What they share is worked out once, when it is first needed: a tenth of a second for the largest bundled
    tree, and half a second for the largest tree that can be drawn.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.branches = [
            (question, branch) for question in tree.ordered_questions for branch in question.branches
        ]

    @cached_property
    def boxes(self) -> Mapping[str, _Box]:
        """The box of each node."""
        return {node: _make_box(self.tree, node) for node in self.tree.topological_index}

    @cached_property
    def labels(self) -> Sequence[list[str]]:
        """The lines of the label of each branch."""
        texts = (labels.label_branch(self.tree, *branch) for branch in self.branches)
        return [break_into_lines(text, MAX_LABEL_WIDTH, FONT_SIZE) for text in texts]

    @cached_property
    def can_be_drawn(self) -> bool:
        """Whether the tree is small enough for a layout in reasonable time."""
        return can_be_laid_out(self._lines)

    def render(self, assessment: Assessment | None = None) -> str:
        """Render the picture as `render_svg` does. Raises TooLargeToDrawError."""
        return _Rendering(self, assessment).render()

    def lay_out(self) -> Drawing:
        """Return the layout of the picture. Raises TooLargeToDrawError."""
        if not self.can_be_drawn:
            problem = f"tree {self.tree.version} is too large to draw as SVG"
            raise TooLargeToDrawError(f"{problem}; draw it with Mermaid")
        return self._drawing

    @cached_property
    def _lines(self) -> Sequence[LayoutLine]:
        return [
            LayoutLine(question.id, branch.to, _label_size(label))
            for (question, branch), label in zip(self.branches, self.labels, strict=True)
        ]

    @cached_property
    def _drawing(self) -> Drawing:
        boxes = {node: (BOX_WIDTH, box.height) for node, box in self.boxes.items()}
        return lay_out_boxes(boxes, self._lines, PICTURE_MARGIN)


class _Rendering:
    """Renders a picture for one assessment, or for none."""

    def __init__(self, picture: Picture, assessment: Assessment | None) -> None:
        self.picture, self.tree, self.assessment = picture, picture.tree, assessment
        self.highlight = build_highlight(assessment) if assessment else None
        self.boxes = picture.boxes

    def render(self) -> str:
        drawing = self.picture.lay_out()
        legend, legend_end = self._legend()
        width = max(drawing.width, MIN_PICTURE_WIDTH, legend_end + PICTURE_MARGIN)
        title_lines = self._title_lines(width)
        header_height = HEADER_HEIGHT + TITLE_LINE_HEIGHT * (len(title_lines) - 1)
        root = self._root(width, drawing.height + header_height)
        for number, line in enumerate(title_lines):
            position = PICTURE_MARGIN, 36 + TITLE_LINE_HEIGHT * number
            _draw_text(root, line, position, "heading", anchor="start")
        legend.set("transform", f"translate(0 {header_height - HEADER_HEIGHT + 62:g})")
        root.append(legend)
        left, top = (width - drawing.width) / 2, header_height - PICTURE_MARGIN / 2
        body = _add_element(root, "g", transform=f"translate({left:g} {top:g})")
        self._draw_tree(body, drawing)
        ElementTree.indent(root, " ")
        return ElementTree.tostring(root, encoding="unicode") + "\n"

    def _title_lines(self, width: float) -> list[str]:
        # The heading is bold, so its letters are wider than estimated.
        heading, font_size = labels.format_tree_heading(self.tree), TITLE_FONT_SIZE * 1.12
        return break_into_lines(heading, width - 2 * PICTURE_MARGIN, font_size)

    def _root(self, width: float, height: float) -> Element:
        view_box = f"0 0 {width:g} {height:g}"
        root = Element("svg", _format_attributes(viewBox=view_box, width=width, height=height))
        root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "class": "fa-tree", "role": "img"}
        # Screen readers read the title and the description in place of the picture.
        root.set("aria-labelledby", "fa-title fa-desc")
        _add_element(root, "title", labels.format_tree_heading(self.tree), id="fa-title")
        _add_element(root, "desc", " ".join(self._description()), id="fa-desc")
        _add_element(root, "style", SVG_STYLESHEET)
        # Half a pixel inwards, the border of the card isn't cut off.
        card = {"x": 0.5, "y": 0.5, "width": width - 1, "height": height - 1, "rx": 10}
        _add_element(root, "rect", **{"class": "card"}, **card)
        return root

    def _draw_tree(self, body: Element, drawing: Drawing) -> None:
        # SVG paints in document order: boxes cover the ends of lines.
        branches = zip(self.picture.branches, self.picture.labels, drawing.lines, strict=True)
        for (question, branch), label, line in branches:
            _draw_line(body, self._line_class(question, branch), (question.id, branch.to), label, line)
        for node in self.tree.topological_index:
            self._draw_node(body, node, drawing.centers[node])

    def _description(self) -> Iterator[str]:
        tree = self.tree
        yield f"A decision tree of {len(tree.questions)} questions and"
        yield f"{len(tree.recommendations)} recommendations, digest {tree.digest}."
        if self.assessment:
            for step in self.assessment.path:
                yield f"{step.question.text} {labels.label_branch(tree, step.question, step.branch)}."
            titles = "; ".join(tree.recommendations[name].title for name in self.assessment.candidates)
            yield f"{'Recommended' if self.assessment.recommendation else 'Still possible'}: {titles}."

    def _legend(self) -> tuple[Element, float]:
        """Draw the legend of colours and marks; returns it and the x coordinate of its right end."""
        legend = Element("g")
        _draw_text(legend, "Fine-tune?", (PICTURE_MARGIN, 0), "small", anchor="start")
        x = PICTURE_MARGIN + 74
        verdicts = {recommendation.finetune for recommendation in self.tree.recommendations.values()}
        for verdict, label in labels.FINETUNE_LABELS.items():
            if verdict in verdicts:
                group = _add_element(legend, "g", **{"class": verdict})
                _add_element(group, "rect", **{"class": "box"}, x=x, y=-10, width=18, height=13, rx=2)
                _draw_text(group, label, (x + 24, 0), "small", anchor="start")
                x += 46 + estimate_text_width(label, SMALL_FONT_SIZE)
        if self.highlight:
            marks = "Numbered, on thick lines: the path."
            marks += " Dashed: the next question." if self.highlight.next else ""
            _draw_text(legend, marks, (x + 6, 0), "small", anchor="start")
            x += 6 + estimate_text_width(marks, SMALL_FONT_SIZE)
        return legend, x

    def _line_class(self, question: Question, branch: Branch) -> str:
        highlight = self.highlight
        if highlight is None:
            return "branch"
        if (question.id, branch) in highlight.taken:
            return "branch taken"
        is_possible = question.id in highlight.open and branch.to in highlight.nodes
        return "branch" if is_possible else "branch faded"

    def _node_class(self, node: str) -> str:
        kind, highlight = self.boxes[node].kind, self.highlight
        if highlight is None:
            return kind
        if node == highlight.next:
            return f"{kind} next"
        is_outcome = node in highlight.candidates and len(highlight.candidates) == 1
        if node in highlight.answered or is_outcome:
            return f"{kind} stressed"
        return kind if node in highlight.nodes else f"{kind} faded"

    def _draw_node(self, body: Element, node: str, center: Point) -> None:
        box, (x, y) = self.boxes[node], center
        left, top = x - BOX_WIDTH / 2, y - box.height / 2
        group = _add_element(body, "g", **{"class": self._node_class(node), "data-node": node})
        # Shape and weight tell questions from recommendations for people who can't tell the colours.
        is_question = box.kind == "question"
        shape = {"x": left, "y": top, "width": BOX_WIDTH, "height": box.height}
        _add_element(group, "rect", **{"class": "box"}, **shape, rx=18 if is_question else 3)
        style = "" if is_question else "title"
        for number, line in enumerate(box.text):
            # A text's y is its baseline, 13 pixels below the top of the line.
            _draw_text(group, line, (x, top + BOX_PADDING + LINE_HEIGHT * number + 13), style)
        if box.note:
            _draw_text(group, box.note, (x, top + box.height - BOX_PADDING - 3), "small")
        if self.highlight and node in self.highlight.answered:
            _draw_badge(group, str(self.highlight.answered.index(node) + 1), (left + 3, top + 3))
        elif self.highlight and node == self.highlight.next:
            _draw_badge(group, "?", (left + 3, top + 3))


def _make_box(tree: Tree, node: str) -> _Box:
    text_width = BOX_WIDTH - 2 * BOX_PADDING
    if node in tree.questions:
        question_lines = break_into_lines(tree.questions[node].text, text_width, FONT_SIZE)
        return _Box("question", tuple(question_lines))
    recommendation = tree.recommendations[node]
    # Titles of recommendations are bold, and so a little wider.
    title_lines = break_into_lines(recommendation.title, text_width, FONT_SIZE * 1.1)
    verdict = labels.FINETUNE_LABELS[recommendation.finetune]
    return _Box(recommendation.finetune, tuple(title_lines), f"fine-tune: {verdict}")


def _draw_line(
    body: Element, style: str, ends: tuple[str, str], label: list[str], line: RoutedLine
) -> None:
    group = _add_element(body, "g", **{"class": style, "data-from": ends[0], "data-to": ends[1]})
    _add_element(group, "path", **{"class": "line"}, d=round_corners(line.points))
    tip_x, tip_y = line.points[-1]
    # The head is drawn as a path: a marker couldn't take the colour of its line in every browser.
    _add_element(group, "path", **{"class": "head"}, d=f"M{tip_x:g} {tip_y:g}l-5 -9h10z")
    (width, height), (x, y) = _label_size(label), line.label
    # The plate hides the line behind the label.
    plate = {"x": x - width / 2, "y": y - height / 2, "width": width, "height": height, "rx": 4}
    _add_element(group, "rect", **{"class": "plate"}, **plate)
    for number, text in enumerate(label):
        _draw_text(group, text, (x, y - height / 2 + 13.5 + LINE_HEIGHT * number), "")


def _label_size(label: list[str]) -> tuple[float, float]:
    """Return the width and height of a branch's label."""
    return max(estimate_text_width(line, FONT_SIZE) for line in label) + 8, LINE_HEIGHT * len(label) + 2


def _draw_badge(group: Element, text: str, center: Point) -> None:
    x, y = center
    _add_element(group, "circle", **{"class": "badge"}, cx=x, cy=y, r=11)
    _draw_text(group, text, (x, y + 4.3), "badge-text")


def _draw_text(parent: Element, text: str, position: Point, style: str, anchor: str = "middle") -> None:
    x, y = position
    class_attribute = {"class": style} if style else {}
    _add_element(parent, "text", text, **class_attribute, **{"text-anchor": anchor}, x=x, y=y)


def _add_element(parent: Element, tag: str, text: str = "", /, **attributes: str | float) -> Element:
    element = ElementTree.SubElement(parent, tag, _format_attributes(**attributes))
    element.text = replace_invalid_xml(text) or None
    return element


def _format_attributes(**attributes: str | float) -> dict[str, str]:
    # A tenth of a pixel is enough, and keeps the picture small.
    return {
        name: value if isinstance(value, str) else f"{round(value, 1):g}"
        for name, value in attributes.items()
    }
