"""What may not stand in a tracked file: someone's absolute paths, hosts nobody agreed on, leftovers."""
import re

from tidylib.tree import Finding, line_of

HOSTS = "tools/tidy-hosts.txt"
BINARY = (".onnx", ".png", ".jpg", ".gz", ".zip", ".bin", ".parquet", ".ico", ".woff2", ".so", ".a", ".csv", ".jsonl")
_HOME = re.compile(r"(?<![\w./$}-])/(?:work|home/[a-z]\w*|Users/\w+|root)/[\w.]")
_CONFLICT = re.compile(r"^(<{7} |>{7} |={7}$)", re.MULTILINE)
_URL = re.compile(r"\b(?:https?|git|ssh|ftp)://([A-Za-z0-9.-]+)")
_LOCAL = re.compile(r"localhost|(\d+\.){3}\d+|(.*\.)?example(\.(com|org|net))?|.*\.(test|invalid|local)|[a-z0-9_-]+")


def check(tree):
    hosts = set()
    if HOSTS in tree.paths:
        hosts = {line.split("#")[0].strip() for line in tree.read(HOSTS).splitlines()} - {""}
    findings = []
    for path in tree.paths:
        if path.endswith(BINARY) or path.startswith("fuzz/corpus/"):
            continue
        content = tree.read(path)
        if "\0" in content:
            continue
        for match in _HOME.finditer(content):
            findings.append(Finding(path, line_of(content, match.start()), "machine-path",
                                    f"'{match.group(0)}...' is a path of one machine"))
        for match in _CONFLICT.finditer(content):
            if path != "tools/tidylib/text.py":
                findings.append(Finding(path, line_of(content, match.start()), "conflict", "a merge is unfinished here"))
        for match in _URL.finditer(content):
            host = match.group(1).rstrip(".").lower()
            if host and host not in hosts and not _LOCAL.fullmatch(host):
                findings.append(Finding(path, line_of(content, match.start()), "host",
                                        f"{host} is not in {HOSTS}: package clients know their hosts, and readers are sent "
                                        "only where the list says"))
    return findings
