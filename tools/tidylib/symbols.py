"""Pure libraries reach neither clock nor chance nor the outside: their archives may not refer to such symbols."""
import fnmatch
import glob
import os
import re
import subprocess

from tidylib.tree import Finding

LIST = "tools/banned-symbols.txt"
# The release build first: sanitizers add symbols of their own.
PREFERRED = ("release", "dev", "asan", "tsan")


def read_list(text):
    """[(modules, object pattern, symbol pattern, reason)] from sections `[module module:object-pattern]`."""
    rules = []
    targets = []
    for line in text.splitlines():
        line, _, reason = line.partition("#")
        line = line.strip()
        section = re.fullmatch(r"\[(.*)\]", line)
        if section:
            targets = [tuple((item + ":*").split(":")[:2]) for item in section.group(1).split()]
        elif line:
            rules += [(module, objects, re.compile(line), reason.strip()) for module, objects in targets]
    return rules


def find_archive(tree, module):
    name = f"libswitchyard_{module}.a"
    for preset in PREFERRED:
        path = os.path.join(tree.root, "build", preset, "src", module, name)
        if os.path.exists(path):
            return path
    found = glob.glob(os.path.join(tree.root, "build", "*", "src", module, name))
    return max(found, key=os.path.getmtime) if found else None


def undefined(archive):
    """[(object, symbol)] that the archive's objects expect from elsewhere."""
    listed = subprocess.run(["nm", "-A", "-C", "--undefined-only", archive], check=True, capture_output=True, text=True)
    pairs = []
    for line in listed.stdout.splitlines():
        found = re.match(r"[^:]*:([^:]+):\s+[Uw] (.*)", line)
        if found:
            pairs.append((found.group(1), found.group(2)))
    return pairs


def check(tree):
    if LIST not in tree.paths:
        return []
    findings = []
    rules = read_list(tree.read(LIST))
    for module in sorted({rule[0] for rule in rules}):
        if module not in tree.modules:
            continue
        archive = find_archive(tree, module)
        if archive is None:
            tree.notes.append(f"{module} is not built: its symbols were not looked at")
            continue
        seen = set()
        for member, symbol in undefined(archive):
            for owner, objects, pattern, reason in rules:
                matches = owner == module and fnmatch.fnmatch(member, objects) and pattern.fullmatch(symbol.split("@")[0])
                if matches and (member, pattern) not in seen:
                    seen.add((member, pattern))
                    findings.append(Finding(f"src/{module}", 0, "banned-symbol", f"{member} uses {symbol}: {reason}",
                                            name=member))
    return findings
