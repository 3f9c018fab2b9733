"""Write the locked requirements: exact versions with hashes, for every platform, naming no index."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
UV = "uv==0.13.9"
LOCKS = {
    "build.txt": ["--group", "build"],
    "sbom.txt": ["--group", "sbom"],
    "runtime.txt": ["pyproject.toml", "--constraints", "requirements/build.txt"],
    "image.txt": ["pyproject.toml", "--extra", "otel", "--constraints", "requirements/runtime.txt"],
    "develop.txt": [
        "pyproject.toml",
        "--all-extras",
        "--group",
        "dev",
        "--constraints",
        "requirements/image.txt",
    ],
    "engines.txt": ["pyproject.toml", "--group", "engines", "--constraints", "requirements/develop.txt"],
    "chart.txt": ["pyproject.toml", "--group", "chart", "--constraints", "requirements/develop.txt"],
}


def main() -> None:
    """Lock each file in turn, so that a later one keeps the versions of an earlier one."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", UV], check=True)
    for name, options in LOCKS.items():
        command = ["uv", "pip", "compile", *options, "--universal", "--generate-hashes"]
        command += ["--python-version", "3.11", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--no-header", "--no-annotate", "--upgrade", "--quiet"]
        lock = subprocess.run(
            [sys.executable, "-m", *command], check=True, capture_output=True, text=True, cwd=HERE.parent
        )
        (HERE / name).write_text(lock.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
