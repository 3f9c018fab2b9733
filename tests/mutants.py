"""Mutants: trees that differ from a tree by a single edit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from finetune_advisor.engine.model.tree import Branch, Question, Tree


def with_question(tree: Tree, question: Question) -> Tree:
    """The tree with one question in place of its namesake."""
    return replace(tree, version="9.9.9", questions={**tree.questions, question.id: question})


def retargeted(tree: Tree) -> Iterator[Tree]:
    """Every tree in which one branch leads to another node that doesn't lead back."""
    for question in tree.questions.values():
        for index, branch in enumerate(question.branches):
            for node in tree.topological_index:
                if (
                    tree.topological_index[node] > tree.topological_index[question.id]
                    and node != branch.to
                ):
                    branches = list(question.branches)
                    branches[index] = replace(branch, to=node, reason="Because.")
                    yield with_question(tree, replace(question, branches=tuple(branches)))


def swapped(tree: Tree) -> Iterator[Tree]:
    """Every tree in which one question's yes and no are swapped."""
    for question in tree.questions.values():
        yes, no = question.branches
        branches = (replace(yes, to=no.to, reason=no.reason), replace(no, to=yes.to, reason=yes.reason))
        yield with_question(tree, replace(question, branches=branches))


def without_question(tree: Tree) -> Iterator[Tree]:
    """Every tree that lacks one question and its input; one of its branches takes its place."""
    for gone, way in product(tree.questions.values(), (0, 1)):
        onwards = gone.branches[way].to
        questions = {
            question.id: replace(question, branches=tuple(_bypassed(question, gone.id, onwards)))
            for question in tree.questions.values()
            if question.id != gone.id
        }
        root = onwards if tree.root == gone.id else tree.root
        if root in questions:
            inputs = {name: one for name, one in tree.inputs.items() if name != gone.input}
            yield replace(tree, version="9.9.9", questions=questions, inputs=inputs, root=root)


def _bypassed(question: Question, gone: str, onwards: str) -> Iterator[Branch]:
    for branch in question.branches:
        yield replace(branch, to=onwards, reason="Because.") if branch.to == gone else branch
