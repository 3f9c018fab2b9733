"""The guide's flowchart, written down once more and apart from the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

FLOWCHART = {
    "prompt_engineering": (
        "prompt_engineering_sufficient",
        "use_prompt_engineering",
        "knowledge_retrieval",
    ),
    "knowledge_retrieval": ("knowledge_retrieval_problem", "real_time_data", "narrow_task"),
    "real_time_data": ("real_time_data_needed", "use_rag", "data_volume"),
    "data_volume": ("data_volume_very_large", "consider_hybrid", "use_rag"),
    "narrow_task": ("narrow_specific_task", "smaller_model", "style_or_format"),
    "smaller_model": ("smaller_model_sufficient", "use_smaller_model", "consider_finetuning"),
    "style_or_format": ("consistent_style_needed", "consider_finetuning", "domain_expertise"),
    "domain_expertise": ("deep_domain_expertise_needed", "domain_coverage", "data_sensitivity"),
    "domain_coverage": ("domain_well_represented", "use_base_model", "consider_finetuning"),
    "data_sensitivity": ("data_sensitive", "api_solutions", "use_api"),
    "api_solutions": ("api_usable", "use_api", "consider_finetuning"),
}
FINETUNE = {"consider_hybrid": "partly", "consider_finetuning": "yes"}
INPUTS = [asked for asked, _, _ in FLOWCHART.values()]

Profile = dict[str, bool]
Way = tuple[tuple[str, str, bool], ...]


def follow(profile: Mapping[str, bool]) -> tuple[Way, str]:
    """The questions, inputs and answers on the way, and the recommendation at its end."""
    node, way = "prompt_engineering", []
    while node in FLOWCHART:
        asked, yes, no = FLOWCHART[node]
        way.append((node, asked, profile[asked]))
        node = yes if profile[asked] else no
    return tuple(way), node


def complete_profiles() -> Iterator[Profile]:
    """Every complete profile."""
    for answers in product((True, False), repeat=len(INPUTS)):
        yield dict(zip(INPUTS, answers, strict=True))
