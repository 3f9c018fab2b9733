"""Print the chart's README, made from its values: `make chart-readme`."""

import sys

from tests.helm import tools

sys.stdout.write(tools.readme())
