"""Print each dependency of pyproject.toml at its lower bound, as constraints for pip."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *extras["sandbox"], *extras["test"]]:
    name, _, bound = requirement.partition(">=")
    if bound:
        print(f"{name}=={bound}")
