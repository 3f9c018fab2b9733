"""The flowchart of ZenML's guide, written down a second time: as plain Python, without a look at the YAML."""

from __future__ import annotations

INPUTS = {
    "prompt_engineering": "prompt_engineering_sufficient",
    "knowledge_retrieval": "knowledge_retrieval_problem",
    "real_time_data": "real_time_data_needed",
    "data_volume": "data_volume_very_large",
    "narrow_task": "narrow_specific_task",
    "smaller_model": "smaller_model_sufficient",
    "style_or_format": "consistent_style_needed",
    "domain_expertise": "deep_domain_expertise_needed",
    "domain_coverage": "domain_well_represented",
    "data_sensitivity": "data_sensitive",
    "api_solutions": "api_usable",
}
"""The input of each question, in the order of the flowchart."""

YES_NO = {
    "prompt_engineering": ("use_prompt_engineering", "knowledge_retrieval"),
    "knowledge_retrieval": ("real_time_data", "narrow_task"),
    "real_time_data": ("use_rag", "data_volume"),
    "data_volume": ("consider_hybrid", "use_rag"),
    "narrow_task": ("smaller_model", "style_or_format"),
    "smaller_model": ("use_smaller_model", "consider_finetuning"),
    "style_or_format": ("consider_finetuning", "domain_expertise"),
    "domain_expertise": ("domain_coverage", "data_sensitivity"),
    "domain_coverage": ("use_base_model", "consider_finetuning"),
    "data_sensitivity": ("api_solutions", "use_api"),
    "api_solutions": ("use_api", "consider_finetuning"),
}
"""Where yes and no lead from each question."""

FINETUNE = {
    "use_prompt_engineering": "no",
    "use_rag": "no",
    "consider_hybrid": "partly",
    "use_smaller_model": "no",
    "use_base_model": "no",
    "use_api": "no",
    "consider_finetuning": "yes",
}
"""The recommendations, and what each says about fine-tuning."""


def walk(profile: dict[str, bool]) -> tuple[tuple[str, ...], str]:
    """The questions that a complete profile answers, and the recommendation that it ends in."""
    asked: list[str] = []
    node = "prompt_engineering"
    while node in YES_NO:
        asked.append(node)
        yes, no = YES_NO[node]
        node = yes if profile[INPUTS[node]] else no
    return tuple(asked), node
