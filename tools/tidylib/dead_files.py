"""Source files that no target compiles and headers that nothing includes."""
import glob
import json
import os

from tidylib import cpp
from tidylib.tree import Finding

PRESETS = ("dev", "release", "asan", "tsan", "fuzz")
# These are built only by some presets: judged only where a build folder knows of any.
OPTIONAL_FOLDERS = ("bench", "fuzz", "tests", "sim", "testing")


def check(tree):
    return _sources(tree) + _headers(tree)


def compiled(tree):
    """(paths that some build folder compiles, when the last was configured); the presets' folders, else all."""
    databases = [path for preset in PRESETS
                 for path in glob.glob(os.path.join(tree.root, "build", preset, "compile_commands.json"))]
    databases = databases or glob.glob(os.path.join(tree.root, "build", "*", "compile_commands.json"))
    paths = set()
    newest = 0
    for database in databases:
        try:
            with open(database, encoding="utf-8") as file:
                entries = json.load(file)
        except ValueError:
            tree.notes.append(f"{database} could not be read; is a configuration running?")
            continue
        newest = max(newest, os.path.getmtime(database))
        for entry in entries:
            path = os.path.join(entry["directory"], entry["file"])
            paths.add(os.path.relpath(os.path.realpath(path), os.path.realpath(tree.root)))
    return paths, newest


def _group(path):
    parts = path.split("/")
    for folder in OPTIONAL_FOLDERS:
        if folder in parts[:-1]:
            return "fuzz" if path.endswith("_fuzz.cc") else folder
    return "src"


def _sources(tree):
    paths, configured = compiled(tree)
    if not paths:
        tree.notes.append("no build folder is configured: dead source files were not looked for")
        return []
    known = {_group(path) for path in paths}
    missing = [path for path in tree.code(".cc") if path not in paths and _group(path) in known]
    # A file that is newer than the last configuration may well be built by the next.
    new = [path for path in missing if os.path.getmtime(tree.absolute(path)) > configured]
    if new:
        tree.notes.append(f"{len(new)} source files are newer than the last configuration and were not judged as dead")
    return [Finding(path, 0, "dead-file", "no target compiles it: name it in CMake, or delete it")
            for path in missing if path not in new]


def _headers(tree):
    included = set()
    for path in tree.code():
        for _, _, name in cpp.includes(tree.read(path)):
            included.add(os.path.basename(name))
            included.add(name)
    findings = []
    for path in tree.code(".h"):
        if "/include/" in path:
            used = path.split("/include/", 1)[1] in included
        else:
            used = os.path.basename(path) in included
        if not used:
            findings.append(Finding(path, 0, "dead-file", "no file includes it"))
    return findings
