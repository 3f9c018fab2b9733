"""Finetune Advisor: should we fine-tune an LLM, or do something cheaper first?"""

from importlib.metadata import version

__version__ = version("finetune-advisor")
