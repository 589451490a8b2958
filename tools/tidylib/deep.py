"""clang-tidy over the changed files; slow, so only when asked for."""
import os
import re
import shutil
import subprocess

from tidylib.tree import Finding


def changed(tree):
    names = set()
    for command in (["diff", "--name-only", "--diff-filter=d", "HEAD"], ["ls-files", "--others", "--exclude-standard"]):
        listed = subprocess.run(["git", "-C", tree.root, *command], check=True, capture_output=True, text=True).stdout
        names.update(listed.split())
    return [path for path in tree.code(".cc") if path in names]


def check(tree):
    database = next((folder for folder in ("dev", "asan", "release")
                     if os.path.exists(tree.absolute(f"build/{folder}/compile_commands.json"))), None)
    program = shutil.which("clang-tidy")
    if not program or not database:
        tree.notes.append("clang-tidy needs clang-tidy installed and a configured build (./dev build dev)")
        return []
    files = changed(tree)
    if not files:
        return []
    result = subprocess.run([program, "--quiet", "-p", f"build/{database}", *files], cwd=tree.root, capture_output=True,
                            text=True, check=False)
    findings = []
    for match in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): (.*)$", result.stdout, re.MULTILINE):
        path = os.path.relpath(match.group(1), tree.root)
        findings.append(Finding(path, int(match.group(2)), "clang-tidy", match.group(3)))
    return findings
