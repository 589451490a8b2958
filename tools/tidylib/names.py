"""File names say what a file is: snake_case; *_test.cc holds tests, *_fuzz.cc a fuzzer, *_bench.cc benchmarks."""
import os
import re

from tidylib import cpp
from tidylib.tree import Finding

_TEST = re.compile(r"^\s*(TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\s*\(", re.MULTILINE)
_FUZZ = re.compile(r"\bLLVMFuzzerTestOneInput\s*\(")


def check(tree):
    findings = []
    for path in tree.code():
        stem = os.path.splitext(os.path.basename(path))[0]
        if not re.fullmatch(r"[a-z][a-z0-9_]*", stem):
            findings.append(Finding(path, 0, "file-name", "file names are snake_case"))
        folders = path.split("/")[:-1]
        code = cpp.strip(tree.read(path))
        if path.endswith(".cc"):
            findings += _by_content(path, stem, folders, code)
        if path.endswith((".cpp", ".cxx", ".hpp")):
            findings.append(Finding(path, 0, "file-name", "C++ files end in .cc and .h"))
    for path in tree.code(".cpp", ".cxx", ".hpp", ".hh", ".c"):
        findings.append(Finding(path, 0, "file-name", "C++ files end in .cc and .h"))
    return findings


def _by_content(path, stem, folders, code):
    findings = []
    holds_tests = bool(_TEST.search(code))
    if holds_tests and not stem.endswith("_test"):
        findings.append(Finding(path, 0, "file-name", "holds tests, so its name ends in _test.cc (else it is not built)"))
    if stem.endswith("_test") and not holds_tests:
        findings.append(Finding(path, 0, "file-name", "is named a test and holds none"))
    if stem.endswith("_test") and folders[0] == "src" and "tests" not in folders:
        findings.append(Finding(path, 0, "file-name", "a test belongs in a folder tests/"))
    holds_fuzzer = bool(_FUZZ.search(code))
    if holds_fuzzer != stem.endswith("_fuzz"):
        findings.append(Finding(path, 0, "file-name", "a fuzzer's name ends in _fuzz.cc, and only a fuzzer's"))
    return findings
