"""Write the chart's README and its defaults as data, both made from its values: `make chart-readme`."""

from tests.helm import chart, tools

(chart.CHART / "README.md").write_text(tools.readme(), encoding="utf-8")
(chart.CHART / "files" / "defaults.yaml").write_text(chart.defaults_text(), encoding="utf-8")
