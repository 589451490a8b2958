#!/usr/bin/env python3
"""Counts what was tested: tools/count_tests.py FOLDER...

A folder holds the results of one stage, in any of these forms:
  ctest.xml + tests.json + gtest/*.json   from tools/run_ctest: each GoogleTest case counts as one; a CTest entry
                                          counts as one where it is no GoogleTest binary, or where it failed in a way
                                          that its cases do not show (a crash, a time-out, a leak at exit)
  cases.tsv                               lines `name<TAB>pass|fail|skip`

Ends with the line `N passed, N failed[, N skipped]`; exit status 1 when something failed or nothing ran.
"""
import collections
import json
import os
import sys
import xml.etree.ElementTree

Counts = collections.namedtuple("Counts", "passed failed skipped failures")


def count_gtest_file(path):
    """Counts the cases of one GoogleTest JSON report; None when the file is cut short by a crash."""
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except ValueError:
        return None
    passed = failed = skipped = 0
    failures = []
    for suite in report.get("testsuites", []):
        for case in suite.get("testsuite", []):
            if case.get("status") == "NOTRUN":
                continue
            if case.get("failures"):
                failed += 1
                failures.append(f"{suite['name']}.{case['name']}")
            elif case.get("result") == "SKIPPED":
                skipped += 1
            else:
                passed += 1
    return Counts(passed, failed, skipped, failures)


def executables(folder):
    """CTest entry name -> base name of the program it runs."""
    with open(os.path.join(folder, "tests.json"), encoding="utf-8") as file:
        entries = json.load(file).get("tests", [])
    return {entry["name"]: os.path.basename(entry["command"][0]) for entry in entries if entry.get("command")}


def gtest_reports(folder):
    """Program name -> its reports. GoogleTest names a second report of a program NAME_1.json and so on."""
    reports = collections.defaultdict(list)
    gtest = os.path.join(folder, "gtest")
    for name in sorted(os.listdir(gtest)) if os.path.isdir(gtest) else []:
        stem, extension = os.path.splitext(name)
        if extension == ".json":
            head, _, tail = stem.rpartition("_")
            program = head if head and tail.isdigit() else stem
            reports[program].append(count_gtest_file(os.path.join(gtest, name)))
    return reports


def count_ctest(folder):
    tree = xml.etree.ElementTree.parse(os.path.join(folder, "ctest.xml"))
    programs = executables(folder)
    reports = gtest_reports(folder)
    passed = failed = skipped = 0
    failures = []
    entries_failed = collections.Counter()
    for case in tree.iter("testcase"):
        name = case.get("name")
        program = programs.get(name, name)
        status = case.get("status")
        if status == "fail":
            entries_failed[program] += 1
            if program not in reports:
                failed += 1
                failures.append(f"{name} (ended without a report: a crash or a time-out)")
        elif program not in reports:
            if status == "run":
                passed += 1
            else:
                skipped += 1
    for program, counts in reports.items():
        whole = [count for count in counts if count is not None]
        passed += sum(count.passed for count in whole)
        skipped += sum(count.skipped for count in whole)
        in_cases = sum(count.failed for count in whole)
        failed += in_cases
        failures += [failure for count in whole for failure in count.failures]
        if entries_failed[program] and not in_cases:
            failed += 1
            failures.append(f"{program} (failed outside its cases: a crash, a leak or a sanitizer report)")
    return Counts(passed, failed, skipped, failures)


def count_cases(path):
    results = collections.Counter()
    failures = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, _, result = line.rstrip("\n").rpartition("\t")
            results[result] += 1
            if result == "fail":
                failures.append(name)
    return Counts(results["pass"], results["fail"], results["skip"], failures)


def count_folder(folder):
    counts = []
    if os.path.exists(os.path.join(folder, "ctest.xml")):
        counts.append(count_ctest(folder))
    if os.path.exists(os.path.join(folder, "cases.tsv")):
        counts.append(count_cases(os.path.join(folder, "cases.tsv")))
    return Counts(sum(c.passed for c in counts), sum(c.failed for c in counts), sum(c.skipped for c in counts),
                  [failure for c in counts for failure in c.failures])


def main(folders):
    total = collections.Counter()
    for folder in folders:
        counts = count_folder(folder)
        for failure in counts.failures:
            print(f"failed: {os.path.basename(os.path.normpath(folder))}: {failure}")
        total.update(passed=counts.passed, failed=counts.failed, skipped=counts.skipped)
    line = f"{total['passed']} passed, {total['failed']} failed"
    if total["skipped"]:
        line += f", {total['skipped']} skipped"
    print(line)
    return 0 if total["passed"] and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
