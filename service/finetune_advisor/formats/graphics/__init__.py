"""Parts of diagrams: layout, lines, text widths, highlights and colours."""
