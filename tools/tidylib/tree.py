"""The files under check, the modules that CMake declares, and what a check reports."""
import dataclasses
import functools
import os
import re
import subprocess

CODE_FOLDERS = ("src", "sim", "testing", "tests", "bench", "fuzz")


@dataclasses.dataclass(order=True, frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str
    fault: bool = True
    # What the rule measured, where it measures; a name within the file, where it concerns one.
    measure: int = 0
    name: str = ""

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {'' if self.fault else 'warning: '}[{self.rule}] {self.message}"


@dataclasses.dataclass(frozen=True)
class Module:
    name: str
    level: int
    deps: tuple


class Tree:
    """A checkout. `paths` are relative to the root and hold what git tracks or would track."""

    def __init__(self, root):
        self.root = root
        self.paths = self._list_paths()
        self.notes = []

    def _list_paths(self):
        if os.path.exists(os.path.join(self.root, ".git")):
            listed = subprocess.run(["git", "-C", self.root, "ls-files", "-z", "--cached", "--others",
                                     "--exclude-standard"], check=True, capture_output=True).stdout
            paths = {path for path in listed.decode().split("\0") if path}
        else:
            paths = set()
            for folder, folders, files in os.walk(self.root):
                folders[:] = [name for name in folders if os.path.relpath(os.path.join(folder, name), self.root)
                              not in ("build", ".cache")]
                paths.update(os.path.relpath(os.path.join(folder, name), self.root) for name in files)
        return sorted(path for path in paths if os.path.isfile(os.path.join(self.root, path)))

    def absolute(self, path):
        return os.path.join(self.root, path)

    @functools.lru_cache(maxsize=None)
    def read(self, path):
        with open(self.absolute(path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def code(self, *extensions):
        """C++ files under the code folders."""
        extensions = extensions or (".cc", ".h")
        return [path for path in self.paths if path.split("/")[0] in CODE_FOLDERS and path.endswith(extensions)]

    @functools.cached_property
    def modules(self):
        """Module name -> Module, from the switchyard_module() calls."""
        modules = {}
        for path in self.paths:
            parts = path.split("/")
            if len(parts) == 3 and parts[0] == "src" and parts[2] == "CMakeLists.txt":
                text = re.sub(r"#.*", "", self.read(path))
                call = re.search(r"switchyard_module\s*\(([^)]*)\)", text)
                if call:
                    modules[parts[1]] = parse_module(call.group(1))
        return modules

    def reachable(self, name):
        """The modules that `name` may use: those it declares and theirs."""
        seen = set()
        waiting = [name]
        while waiting:
            module = self.modules.get(waiting.pop())
            for dep in module.deps if module else ():
                if dep not in seen:
                    seen.add(dep)
                    waiting.append(dep)
        return seen


def parse_module(arguments):
    words = arguments.split()
    name, level, deps, key = words[0], -1, [], ""
    for word in words[1:]:
        if word.isupper() and "::" not in word:
            key = word
        elif key == "LEVEL":
            level = int(word)
        elif key == "DEPS":
            deps.append(word)
    return Module(name, level, tuple(deps))


def module_of(path):
    """The module a file under src/ belongs to, else ''."""
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else ""


def line_of(text, position):
    return text.count("\n", 0, position) + 1
