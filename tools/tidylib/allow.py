"""Exceptions with a reason, and the ratchet: what is allowed may shrink, never grow, and goes when it is not needed."""
import dataclasses

from tidylib.tree import Finding

LIST = "tools/tidy-allow.txt"


@dataclasses.dataclass
class Entry:
    line: int
    rule: str
    path: str
    name: str
    limit: int
    reason: str
    used: bool = False

    def covers(self, finding):
        return (finding.rule == self.rule and finding.path == self.path and self.name in ("", finding.name))


def read_list(text):
    entries = []
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        body, _, reason = line.partition("#")
        words = body.split()
        if not words:
            continue
        limit = int(words.pop()) if len(words) > 2 and words[-1].isdigit() else 0
        if len(words) not in (2, 3) or not reason.strip():
            findings.append(Finding(LIST, number, "allow", "a line is: RULE PATH [NAME] [LIMIT] # reason"))
            continue
        entries.append(Entry(number, words[0], words[1], words[2] if len(words) == 3 else "", limit, reason.strip()))
    return entries, findings


def apply(tree, findings, whole=True):
    """Takes out what the list allows; adds a fault per entry that is not needed (only where all checks ran)."""
    if LIST not in tree.paths:
        return findings
    entries, kept = read_list(tree.read(LIST))
    for finding in findings:
        entry = next((entry for entry in entries if finding.fault and entry.covers(finding)), None)
        if entry is None:
            kept.append(finding)
            continue
        entry.used = True
        if finding.measure > entry.limit > 0:
            kept.append(Finding(finding.path, finding.line, finding.rule,
                                f"{finding.message} (allowed were {entry.limit}: it may shrink, not grow)"))
        elif 0 < finding.measure < entry.limit:
            kept.append(Finding(LIST, entry.line, "allow", f"{entry.path} is down to {finding.measure}: lower the entry"))
    if whole:
        kept += [Finding(LIST, entry.line, "allow", f"{entry.rule} {entry.path} {entry.name}".strip()
                         + " is no longer needed: delete the line") for entry in entries if not entry.used]
    return kept
