"""The list of packages; everything else is in pyproject.toml.

The command line's source stands in `cli/`, but a package of that name would claim `cli` for every program in
the environment. It is installed as `exchange_cli`; pyproject.toml cannot say that together with a search.
"""

from setuptools import find_packages, setup

node = find_packages(include=["exchange_node", "exchange_node.*"])
command_line = ["exchange_cli", *(f"exchange_cli.{name}" for name in find_packages("cli"))]

setup(packages=[*node, *command_line], package_dir={"exchange_cli": "cli"})
