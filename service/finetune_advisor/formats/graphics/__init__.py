"""What pictures of trees are made of: layout, lines, texts, and what they highlight."""
