"""The list of packages, and the native code; everything else is in pyproject.toml.

The command line's source stands in `cli/`, but a package of that name would claim `cli` for every program in
the environment. It is installed as `exchange_cli`; pyproject.toml cannot say that together with a search.
"""

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

node = find_packages(include=["exchange_node", "exchange_node.*"])
command_line = ["exchange_cli", *(f"exchange_cli.{name}" for name in find_packages("cli"))]


class Library(build_ext):
    """Extensions here are no modules but libraries that Python loads with ctypes: no headers of Python are needed, and
    one file serves every Python. The name tells Python's import that it is none of its own.
    """

    def get_ext_filename(self, fullname: str) -> str:
        *folders, name = fullname.split(".")
        return "/".join([*folders, f"lib{name}.so.1"])


def library(name: str, *headers: str) -> Extension:
    """kernels/<name>.c. No -march: what a processor can do is asked at run time."""
    folder = "exchange_node/kernels"
    return Extension(
        f"exchange_node.kernels.{name}",
        sources=[f"{folder}/{name}.c"],
        depends=[f"{folder}/{header}" for header in headers],
        extra_compile_args=["-O3", "-std=c11", "-Wall", "-Wextra"],
    )


setup(
    packages=[*node, *command_line],
    package_dir={"exchange_cli": "cli"},
    ext_modules=[
        library("blocks"),
        library("clk", "clk_hash.h", "clk_cache.h", "clk_tokens.h", "clk_values.h", "vectors_cut.h"),
        library("dice", "dice_search.h", "dice_sets.h"),
        library("dot", "dot_multiply.h", "dot_search.h", "dot_sets.h", "dot_tiles.h"),
        library("greedy"),
        library(
            "vectors", *(f"vectors_{part}.h" for part in ("cut", "fill", "join", "rows", "sink", "table", "weigh"))
        ),
    ],
    cmdclass={"build_ext": Library},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
