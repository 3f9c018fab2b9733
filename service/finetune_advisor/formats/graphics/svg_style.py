"""The stylesheet of SVG pictures: colours for light and dark schemes, and only fonts of the system."""

# Every rule begins with the picture's class, since a style element in an SVG applies to the whole page.
SVG_STYLESHEET = """
.fa-tree text { font-family: system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif }
.fa-tree text { font-size: 13px; fill: #14181d }
.fa-tree .card { fill: #ffffff; stroke: #d5dae0 }
.fa-tree .heading { font-size: 19px; font-weight: 600 }
.fa-tree .small { font-size: 11.5px; fill: #4a5460 }
.fa-tree .title { font-weight: 600 }
.fa-tree .box { stroke-width: 1.3 }
.fa-tree .question .box { fill: #f4f6f8; stroke: #66717f }
.fa-tree .no .box { fill: #dcebfa; stroke: #2563a8 }
.fa-tree .not_yet .box { fill: #fdf0c8; stroke: #a16a00 }
.fa-tree .partly .box { fill: #ece2fb; stroke: #6d3fb5 }
.fa-tree .yes .box { fill: #d9f2df; stroke: #1d7a3a }
.fa-tree .line { fill: none; stroke: #66717f; stroke-width: 1.4 }
.fa-tree .head { fill: #66717f }
.fa-tree .plate { fill: #ffffff }
.fa-tree .taken .line { stroke: #14181d; stroke-width: 4.5 }
.fa-tree .taken .head, .fa-tree .badge { fill: #14181d }
.fa-tree .taken text { font-weight: 700 }
.fa-tree .stressed .box { stroke: #14181d; stroke-width: 4 }
.fa-tree .next .box { stroke: #14181d; stroke-width: 4; stroke-dasharray: 9 5 }
.fa-tree .badge-text { fill: #ffffff; font-size: 12px; font-weight: 700 }
.fa-tree .faded { opacity: 0.38 }
@media (prefers-color-scheme: dark) {
.fa-tree text { fill: #eef1f4 }
.fa-tree .card { fill: #14181d; stroke: #3a434e }
.fa-tree .small { fill: #b6bfca }
.fa-tree .question .box { fill: #252c34; stroke: #8d98a5 }
.fa-tree .no .box { fill: #16304d; stroke: #6fa8e0 }
.fa-tree .not_yet .box { fill: #44340a; stroke: #e0b04a }
.fa-tree .partly .box { fill: #35234f; stroke: #b794ef }
.fa-tree .yes .box { fill: #143d20; stroke: #62c482 }
.fa-tree .line { stroke: #8d98a5 }
.fa-tree .head { fill: #8d98a5 }
.fa-tree .plate { fill: #14181d }
.fa-tree .taken .line, .fa-tree .stressed .box, .fa-tree .next .box { stroke: #ffffff }
.fa-tree .taken .head, .fa-tree .badge { fill: #ffffff }
.fa-tree .badge-text { fill: #14181d }
}
"""
