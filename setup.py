"""The list of packages, and the native code; everything else is in pyproject.toml.

The command line's source stands in `cli/`, but a package of that name would claim `cli` for every program in
the environment. It is installed as `exchange_cli`; pyproject.toml cannot say that together with a search.
"""

from setuptools import Extension, find_packages, setup

node = find_packages(include=["exchange_node", "exchange_node.*"])
command_line = ["exchange_cli", *(f"exchange_cli.{name}" for name in find_packages("cli"))]

# No module but a library that Python loads with ctypes, so that no headers of Python are needed; an Extension all the
# same, since setuptools builds and installs those. No -march: what a processor can do is asked at run time.
dice = Extension(
    "exchange_node.kernels._dice",
    sources=["exchange_node/kernels/dice.c"],
    depends=["exchange_node/kernels/dice_search.h", "exchange_node/kernels/dice_sets.h"],
    extra_compile_args=["-O3", "-std=c11", "-Wall", "-Wextra"],
    py_limited_api=True,
)

setup(
    packages=[*node, *command_line],
    package_dir={"exchange_cli": "cli"},
    ext_modules=[dice],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
