"""CPU seconds (user + system) of commands that should start at once: medians of n runs.

python benchmarks/startup.py [-n 11]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runner import run_main

MAPPING = """\
molecule: GLY
atoms:
  N:   BB   P1A
  CA:  BB   P1B
  C:   BB   P1C
  O:   BB   P2CA
bonds:
  N-CA, CA-C, C=O, C-+N
"""


#: How many mappings lie in the folder that is validated.
N_MAPPINGS = 200


def cpu_of_children() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(arguments: list[str], runs: int) -> tuple[float, float]:
    """Median CPU and wall seconds of a command, after one run that warms the caches."""
    command = [sys.executable, "-m", "herobm", *arguments]
    cpu, wall = [], []
    for _ in range(runs + 1):
        before, start = cpu_of_children(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        cpu.append(cpu_of_children() - before)
        wall.append(time.perf_counter() - start)
    return statistics.median(cpu[1:]), statistics.median(wall[1:])


def install_packs(folder: Path, count: int) -> None:
    """Put distributions with a mapping, a model and a post-processor each into a folder."""
    code = """
from pathlib import Path
from herobm.plugins import MappingSpec, ModelSpec, PostProcessorSpec, hookimpl

@hookimpl
def herobm_register_mappings():
    yield MappingSpec("beads", (Path(__file__).parent / "gly.map",), "glycine")

@hookimpl
def herobm_register_models():
    yield ModelSpec("model", "beads", description="a model", load=lambda device: None)

@hookimpl
def herobm_register_postprocessors():
    yield PostProcessorSpec("step", "consistency", lambda atoms, context: atoms, "a step")
"""
    for number in range(count):
        name = f"pack{number:02}"
        (folder / f"{name}.py").write_text(code)
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: herobm>=0.1\n"
        )
        (info / "entry_points.txt").write_text(f"[herobm]\n{name} = {name}\n")


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def fill(folder: Path) -> Path:
    """Make a folder of mappings: those of the installed plug-ins over and over, renamed."""
    from herobm.plugins import load_registry

    shipped = [
        path.read_text(encoding="utf-8")
        for plugin in load_registry().plugins
        for spec in plugin.mappings
        for path in spec.files
    ]
    texts = [text for text in shipped if "\nat:" not in text]
    folder.mkdir()
    for i in range(N_MAPPINGS):
        head, keyword, rest = texts[i % len(texts)].partition("molecule: ")
        names, _, body = rest.partition("\n")
        others = ", ".join(f"{name.strip()}{i}" for name in names.split(","))
        (folder / f"{i:03d}.map").write_text(f"{head}{keyword}{others}\n{body}", encoding="utf-8")
    return folder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU seconds of commands that start at once.")
    parser.add_argument("-n", "--runs", type=int, default=11, help="runs of each command")
    runs = parser.parse_args().runs
    print(f"{processor()}, Python {platform.python_version()}, medians of {runs} runs\n")
    print("| command | CPU s | wall s |\n|-|-|-|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gly.map"
        path.write_text(MAPPING)
        for arguments, shown in [
            (["--help"], "herobm --help"),
            (["mapping", "validate", str(path)], "herobm mapping validate gly.map"),
            (
                ["mapping", "validate", str(fill(Path(folder) / "maps"))],
                f"herobm mapping validate maps/ ({N_MAPPINGS} mappings)",
            ),
            (["plugins", "list"], "herobm plugins list"),
        ]:
            cpu, wall = measure(arguments, runs)
            print(f"| `{shown}` | {cpu:.3f} | {wall:.3f} |")
        install_packs(Path(folder), 30)
        os.environ["PYTHONPATH"] = os.pathsep.join(
            filter(None, [folder, os.environ.get("PYTHONPATH")])
        )
        cpu, wall = measure(["plugins", "list"], runs)
        print(f"| `herobm plugins list`, 30 packs more | {cpu:.3f} | {wall:.3f} |")


if __name__ == "__main__":
    run_main(main)
