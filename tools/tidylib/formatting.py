"""clang-format has nothing to say. Only with the version that the rules were written for: others differ in detail."""
import re
import shutil
import subprocess

from tidylib.tree import Finding

VERSION = 14


def check(tree):
    program = shutil.which(f"clang-format-{VERSION}") or shutil.which("clang-format")
    files = tree.code()
    if not program or not files or ".clang-format" not in tree.paths:
        tree.notes.append("no clang-format: the format was not looked at")
        return []
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    if not re.search(rf"version {VERSION}\.", version):
        tree.notes.append(f"clang-format is not version {VERSION}: the format was not looked at")
        return []
    findings = []
    for start in range(0, len(files), 64):
        result = subprocess.run([program, "--dry-run", *files[start:start + 64]], cwd=tree.root, capture_output=True, text=True,
                                check=False)
        first = {}
        for match in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): code should be clang-formatted", result.stderr,
                                 re.MULTILINE):
            first.setdefault(match.group(1), int(match.group(2)))
        findings += [Finding(path, line, "format", "./dev format mends it") for path, line in first.items()]
    return findings
