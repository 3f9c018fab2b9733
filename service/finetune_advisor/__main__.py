"""`python -m finetune_advisor`: the command."""

from finetune_advisor.cli import main

if __name__ == "__main__":
    main()
