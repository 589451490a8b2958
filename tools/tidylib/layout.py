"""Folders: each module has its README, the tables in the documents equal the tree, no drawers without a rule."""
import re

from tidylib.tree import Finding

DRAWERS = {"utils", "util", "common", "helpers", "misc", "shared"}
MODULE_TABLE = ("ARCHITECTURE.md", "Modules")
ROOT_TABLE = ("CONTRIBUTING.md", "Layout")
ROOT_ENTRIES_MAX = 21


def check(tree):
    return _drawers(tree) + _readmes(tree) + _module_table(tree) + _root_table(tree)


def _drawers(tree):
    findings = {}
    for path in tree.paths:
        for name in path.split("/")[:-1]:
            if name in DRAWERS and not path.startswith("docs/"):
                folder = path[:path.index(f"{name}/") + len(name)]
                findings[folder] = Finding(folder, 0, "folder-name",
                                           f"'{name}' says nothing about what belongs there: name the thing")
    return list(findings.values())


def _readmes(tree):
    return [Finding(f"src/{name}", 0, "readme", "a module has a README.md of one screen: purpose, invariants, words, "
                    "what it must not know")
            for name in sorted(tree.modules) if f"src/{name}/README.md" not in tree.paths]


def table(text, heading):
    """Rows of the first table below a heading, each a list of cells; None where there is no such heading."""
    section = re.search(rf"^##+ {re.escape(heading)}\s*$(.*?)(?=^##? |\Z)", text, re.MULTILINE | re.DOTALL)
    if not section:
        return None
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in section.group(1).splitlines() if line.strip().startswith("|")]
    return [row for row in rows[2:] if row]


def folder_names(cell):
    return re.findall(r"`([\w.-]+)/?`", cell)


def _module_table(tree):
    path, heading = MODULE_TABLE
    if path not in tree.paths:
        return [Finding(path, 0, "table", "is missing")]
    rows = table(tree.read(path), heading)
    if rows is None:
        return [Finding(path, 0, "table", f"has no section '{heading}' with the table of modules")]
    findings = []
    written = {}
    for row in rows:
        for name in folder_names(row[0]):
            written[name] = row[1] if len(row) > 1 else ""
    for name in sorted(set(tree.modules) - set(written)):
        findings.append(Finding(path, 0, "table", f"src/{name} is not in the table of modules"))
    for name in sorted(set(written) - set(tree.modules)):
        findings.append(Finding(path, 0, "table", f"the table of modules names {name}, which is not under src/"))
    for name in sorted(set(written) & set(tree.modules)):
        if written[name] != str(tree.modules[name].level):
            findings.append(Finding(path, 0, "table", f"the table says level {written[name]} for {name}; CMake says "
                                    f"{tree.modules[name].level}"))
    return findings


def _root_table(tree):
    path, heading = ROOT_TABLE
    if path not in tree.paths:
        return [Finding(path, 0, "table", "is missing")]
    rows = table(tree.read(path), heading)
    if rows is None:
        return [Finding(path, 0, "table", f"has no section '{heading}' with the table of folders")]
    written = {name for row in rows for name in folder_names(row[0])}
    folders = {item.split("/")[0] for item in tree.paths if "/" in item}
    findings = [Finding(path, 0, "table", f"{name}/ is not in the table of folders")
                for name in sorted(folders - written)]
    findings += [Finding(path, 0, "table", f"the table of folders names {name}/, which is not in the tree")
                 for name in sorted(written - folders)]
    entries = {item.split("/")[0] for item in tree.paths if not item.startswith(".")}
    if len(entries) > ROOT_ENTRIES_MAX:
        findings.append(Finding(".", 0, "root", f"{len(entries)} entries at the root; at most {ROOT_ENTRIES_MAX}"))
    return findings
