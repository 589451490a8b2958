#!/usr/bin/env python3
"""Tests of tools/tidy and tools/count_tests.py: each plants a mistake in a small tree and expects it to be found.

With SWITCHYARD_CANARY=1 one more test runs that must fail; the last test makes sure that it does.
"""
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import count_tests  # noqa: E402
from tidylib import allow, cpp, dead_files, includes, layout, lengths, names, symbols, text  # noqa: E402
from tidylib.tree import Tree  # noqa: E402

BASE = {
    "src/base/CMakeLists.txt": "switchyard_module(base LEVEL 0)\n",
    "src/base/README.md": "# base\n",
    "src/base/include/switchyard/base/result.h": "#pragma once\n",
    "src/base/result.cc": '#include "switchyard/base/result.h"\n',
    "src/log/CMakeLists.txt": "switchyard_module(log LEVEL 3 DEPS base LIBS RocksDB::rocksdb)\n",
    "src/log/README.md": "# log\n",
    "src/log/include/switchyard/log/log.h": "#pragma once\n#include <switchyard/base/result.h>\n",
    "src/log/private.h": "#pragma once\n",
    "src/log/log.cc": '#include "switchyard/log/log.h"\n#include "private.h"\n',
    "ARCHITECTURE.md": "# A\n\n## Modules\n\n| module | level | holds |\n| - | - | - |\n"
                       "| `base/` | 0 | results |\n| `log/` | 3 | the log |\n\n## Next\n",
    "CONTRIBUTING.md": "# C\n\n## Layout\n\n| folder | holds |\n| - | - |\n| `src/` | modules |\n",
}


class TreeTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidy-test-")
        self.addCleanup(shutil.rmtree, self.root)

    def tree(self, **_):
        return Tree(self.root)

    def plant(self, files=(), base=True):
        for path, content in {**(BASE if base else {}), **dict(files)}.items():
            full = os.path.join(self.root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(content)
        return Tree(self.root)

    def assert_finds(self, findings, rule, path, part=""):
        hits = [finding for finding in findings if finding.rule == rule and finding.path == path and part in finding.message]
        self.assertTrue(hits, f"no [{rule}] for {path} with '{part}' in {[str(finding) for finding in findings]}")
        return hits[0]


class Includes(TreeTest):
    def test_accepts_a_clean_tree(self):
        self.assertEqual(includes.check(self.plant()), [])

    def test_finds_a_private_header_of_another_module(self):
        tree = self.plant({"src/base/result.cc": '#include "src/log/private.h"\n'})
        self.assert_finds(includes.check(tree), "include", "src/base/result.cc", "no file of module base")

    def test_finds_a_private_header_reached_by_a_relative_path(self):
        tree = self.plant({"src/base/result.cc": '#include "../log/private.h"\n'})
        self.assert_finds(includes.check(tree), "include", "src/base/result.cc")

    def test_finds_an_undeclared_dependency(self):
        tree = self.plant({"src/base/result.cc": "#include <switchyard/log/log.h>\n"})
        self.assert_finds(includes.check(tree), "include", "src/base/result.cc", "does not declare log")

    def test_accepts_a_dependency_of_a_dependency(self):
        tree = self.plant({"src/partition/CMakeLists.txt": "switchyard_module(partition LEVEL 5\n  DEPS log)\n",
                           "src/partition/host.cc": "#include <switchyard/base/result.h>\n"})
        self.assertEqual(includes.check(tree), [])

    def test_finds_a_public_header_that_does_not_exist(self):
        tree = self.plant({"src/log/log.cc": '#include "switchyard/base/missing.h"\n'})
        self.assert_finds(includes.check(tree), "include", "src/log/log.cc", "there is no")

    def test_finds_a_private_header_in_a_public_one(self):
        tree = self.plant({"src/log/include/switchyard/log/log.h": '#pragma once\n#include "private.h"\n'})
        self.assert_finds(includes.check(tree), "include", "src/log/include/switchyard/log/log.h", "private")

    def test_finds_a_heavy_library_in_a_public_header(self):
        tree = self.plant({"src/log/include/switchyard/log/log.h": "#pragma once\n#include <rocksdb/db.h>\n"})
        self.assert_finds(includes.check(tree), "include", "src/log/include/switchyard/log/log.h", "rocksdb/db.h")

    def test_lets_a_fuzzer_look_inside_a_module_but_not_the_simulator(self):
        tree = self.plant({"fuzz/record_fuzz.cc": '#include "private.h"\n#include "../src/log/private.h"\n',
                           "sim/sim.cc": '#include "../src/log/private.h"\n'})
        findings = includes.check(tree)
        self.assert_finds(findings, "include", "sim/sim.cc")
        self.assertEqual(len(findings), 1)

    def test_finds_fakes_outside_tests(self):
        tree = self.plant({"testing/include/switchyard/testing/fake.h": "#pragma once\n",
                           "src/log/log.cc": "#include <switchyard/testing/fake.h>\n",
                           "src/log/tests/log_test.cc": "#include <switchyard/testing/fake.h>\n"})
        findings = includes.check(tree)
        self.assert_finds(findings, "include", "src/log/log.cc", "for tests only")
        self.assertEqual(len(findings), 1)

    def test_finds_a_cycle_between_modules(self):
        tree = self.plant({"src/base/result.cc": "#include <switchyard/log/log.h>\n"})
        found = self.assert_finds(includes.check(tree), "include-cycle", "src/log/include/switchyard/log/log.h")
        self.assertIn("base -> log -> base", found.message)

    def test_finds_a_dependency_on_a_level_that_is_not_lower(self):
        tree = self.plant({"src/base/CMakeLists.txt": "switchyard_module(base LEVEL 0 DEPS log)\n"})
        self.assert_finds(includes.check(tree), "level", "src/base/CMakeLists.txt", "log (level 3)")

    def test_finds_a_header_without_pragma_once(self):
        tree = self.plant({"src/log/private.h": "int x;\n"})
        self.assert_finds(includes.check(tree), "pragma-once", "src/log/private.h")

    def test_ignores_an_include_in_a_comment(self):
        tree = self.plant({"src/base/result.cc": '/*\n#include <switchyard/log/log.h>\n*/\n'})
        self.assertEqual(includes.check(tree), [])


class Functions(unittest.TestCase):
    def found(self, code):
        return [(function.name, function.lines) for function in cpp.functions(code)]

    def test_measures_a_function_from_its_head_to_its_brace(self):
        self.assertEqual(self.found("int f(int a,\n      int b) {\n  return a;\n}\n"), [("f", 4)])

    def test_sees_members_and_free_functions_in_nested_scopes(self):
        code = "namespace a {\nclass B {\n public:\n  int f() const { return 1; }\n};\nvoid B::g() {\n}\n}\n"
        self.assertEqual(self.found(code), [("f", 1), ("B::g", 2)])

    def test_takes_a_constructors_initialisers_into_the_head(self):
        code = "A::A(int x) : b_{x}, c_(x),\n  d_{} {\n  go();\n}\n"
        self.assertEqual(self.found(code), [("A::A", 4)])

    def test_counts_a_lambda_as_part_of_its_function(self):
        code = "void f() {\n  auto g = [](int x) {\n    return x;\n  };\n}\n"
        self.assertEqual(self.found(code), [("f", 5)])

    def test_does_not_take_a_table_for_a_function(self):
        self.assertEqual(self.found("constexpr int kTable[] = {\n  f(1),\n  2,\n};\nconst std::map<A, B> m = {{1, g(2)}};\n"), [])

    def test_is_not_misled_by_braces_in_literals_and_comments(self):
        code = 'void f() {\n  // }\n  g("}", \'}\', R"x(})x");\n  /* } */ int i = 1\'000;\n}\nvoid h() {}\n'
        self.assertEqual(self.found(code), [("f", 5), ("h", 1)])

    def test_names_a_test_by_suite_and_case(self):
        self.assertEqual(self.found("TEST(Log, Keeps) {\n}\n"), [("Log.Keeps", 2)])

    def test_sees_operators_templates_and_trailing_returns(self):
        code = ("template <class T>\nbool operator==(const T& a, const T& b) {\n  return true;\n}\n"
                "auto f(int x) -> std::vector<int> {\n}\n")
        self.assertEqual(self.found(code), [("operator==", 4), ("f", 2)])

    def test_sees_a_function_with_a_default_argument(self):
        self.assertEqual(self.found("void f(int a = 1, B b = {}) {\n  g();\n}\n")[-1][1] >= 1, True)


class Lengths(TreeTest):
    def test_warns_first_and_stops_later(self):
        tree = self.plant({"src/log/long.cc": "\n" * 500, "src/log/too_long.cc": "\n" * 801})
        findings = lengths.check(tree)
        self.assertFalse(self.assert_finds(findings, "file-length", "src/log/long.cc").fault)
        self.assertTrue(self.assert_finds(findings, "file-length", "src/log/too_long.cc").fault)

    def test_finds_a_long_function(self):
        tree = self.plant({"src/log/log.cc": "void f() {\n" + "  g();\n" * 120 + "}\n"})
        found = self.assert_finds(lengths.check(tree), "function-length", "src/log/log.cc", "f has 122 lines")
        self.assertTrue(found.fault)


class Ratchet(TreeTest):
    def apply(self, lines, allowed):
        tree = self.plant({"src/log/long.cc": "\n" * lines, allow.LIST: allowed})
        return [finding for finding in allow.apply(tree, lengths.check(tree)) if finding.fault]

    def test_lets_an_exception_pass(self):
        self.assertEqual(self.apply(850, "file-length src/log/long.cc 850 # generated\n"), [])

    def test_does_not_let_it_grow(self):
        self.assert_finds(self.apply(851, "file-length src/log/long.cc 850 # generated\n"), "file-length", "src/log/long.cc",
                          "may shrink, not grow")

    def test_asks_to_lower_an_entry_that_shrank(self):
        self.assert_finds(self.apply(820, "file-length src/log/long.cc 850 # generated\n"), "allow", allow.LIST, "lower")

    def test_finds_an_entry_that_is_no_longer_needed(self):
        self.assert_finds(self.apply(10, "file-length src/log/long.cc 850 # generated\n"), "allow", allow.LIST, "delete")

    def test_asks_for_a_reason(self):
        self.assert_finds(self.apply(850, "file-length src/log/long.cc 850\n"), "allow", allow.LIST, "# reason")


class Names(TreeTest):
    def test_finds_tests_in_a_file_of_another_name(self):
        tree = self.plant({"src/log/tests/log.cc": "TEST(A, B) {\n}\n"})
        self.assert_finds(names.check(tree), "file-name", "src/log/tests/log.cc", "_test.cc")

    def test_finds_a_test_without_tests_and_one_outside_its_folder(self):
        tree = self.plant({"src/log/tests/empty_test.cc": "// TEST(A, B)\n", "src/log/log_test.cc": "TEST(A, B) {\n}\n"})
        self.assert_finds(names.check(tree), "file-name", "src/log/tests/empty_test.cc", "holds none")
        self.assert_finds(names.check(tree), "file-name", "src/log/log_test.cc", "folder tests/")

    def test_finds_a_fuzzer_of_another_name(self):
        tree = self.plant({"fuzz/record.cc": 'extern "C" int LLVMFuzzerTestOneInput(const uint8_t* d, size_t n) { return 0; }\n'})
        self.assert_finds(names.check(tree), "file-name", "fuzz/record.cc", "_fuzz.cc")

    def test_finds_other_cases_and_extensions(self):
        tree = self.plant({"src/log/LocalLog.cc": "", "src/log/local.cpp": ""})
        self.assert_finds(names.check(tree), "file-name", "src/log/LocalLog.cc", "snake_case")
        self.assert_finds(names.check(tree), "file-name", "src/log/local.cpp", ".cc")


class DeadFiles(TreeTest):
    def configured(self, *compiled, files=()):
        database = [{"directory": os.path.join(self.root, "build/asan"), "command": "c++",
                     "file": os.path.join(self.root, path)} for path in compiled]
        tree = self.plant({**dict(files), "build/asan/compile_commands.json": json.dumps(database)})
        later = os.path.getmtime(tree.absolute("src/log/log.cc")) + 60
        os.utime(os.path.join(self.root, "build/asan/compile_commands.json"), (later, later))
        return tree

    def test_finds_a_source_file_that_no_target_compiles(self):
        tree = self.configured("src/base/result.cc")
        self.assert_finds(dead_files.check(tree), "dead-file", "src/log/log.cc", "no target")

    def test_judges_fuzzers_only_where_some_are_built(self):
        tree = self.configured("src/base/result.cc", "src/log/log.cc", files={"fuzz/a_fuzz.cc": ""})
        self.assertEqual(dead_files.check(tree), [])
        tree = self.configured("src/base/result.cc", "src/log/log.cc", "fuzz/b_fuzz.cc", files={"fuzz/a_fuzz.cc": ""})
        self.assert_finds(dead_files.check(tree), "dead-file", "fuzz/a_fuzz.cc")

    def test_does_not_judge_what_is_newer_than_the_configuration(self):
        tree = self.configured("src/base/result.cc")
        os.utime(os.path.join(self.root, "build/asan/compile_commands.json"), (1, 1))
        self.assertEqual(dead_files.check(tree), [])
        self.assertIn("newer", tree.notes[0])

    def test_finds_a_header_that_nothing_includes(self):
        tree = self.configured("src/base/result.cc", "src/log/log.cc", files={"src/log/alone.h": "#pragma once\n"})
        self.assert_finds(dead_files.check(tree), "dead-file", "src/log/alone.h", "no file includes it")

    def test_says_when_it_could_not_look(self):
        tree = self.plant()
        self.assertEqual(dead_files.check(tree), [])
        self.assertIn("no build folder", tree.notes[0])


class Symbols(TreeTest):
    def archive(self, module, name, code):
        folder = os.path.join(self.root, "build/release/src", module)
        os.makedirs(folder, exist_ok=True)
        source = os.path.join(folder, name)
        with open(source, "w", encoding="utf-8") as file:
            file.write(code)
        subprocess.run(["g++", "-std=c++20", "-c", source, "-o", source + ".o"], check=True)
        subprocess.run(["ar", "rcs", os.path.join(folder, f"libswitchyard_{module}.a"), source + ".o"], check=True)

    def test_finds_the_clock_and_chance(self):
        tree = self.plant({symbols.LIST: "[base]\nclock_gettime # the clock\nstd::chrono::.*clock::now\\(\\) # the clock\n"
                                         "std::random_device::.* # chance\n"})
        self.archive("base", "clock.cc", "#include <chrono>\n#include <random>\n#include <time.h>\n"
                                     "long f() { timespec t; clock_gettime(0, &t); return std::random_device()() + t.tv_sec +"
                                     " std::chrono::system_clock::now().time_since_epoch().count(); }\n")
        findings = symbols.check(tree)
        for name in ("clock_gettime", "system_clock", "random_device"):
            self.assert_finds(findings, "banned-symbol", "src/base", name)

    def test_looks_only_at_the_objects_named(self):
        tree = self.plant({symbols.LIST: "[base:machine*]\ntime # the clock\n"})
        self.archive("base", "other.cc", "#include <time.h>\nlong f() { return time(nullptr); }\n")
        self.assertEqual(symbols.check(tree), [])
        self.archive("base", "machine.cc", "#include <time.h>\nlong g() { return time(nullptr); }\n")
        self.assert_finds(symbols.check(tree), "banned-symbol", "src/base", "machine.cc.o")

    def test_does_not_take_a_longer_name_for_a_banned_one(self):
        tree = self.plant({symbols.LIST: "[base]\ntime|rand # why\n"})
        self.archive("base", "a.cc", "void times_up(); void brand(); void f() { times_up(); brand(); }\n")
        self.assertEqual(symbols.check(tree), [])


class Layout(TreeTest):
    def test_accepts_a_clean_tree(self):
        self.assertEqual(layout.check(self.plant()), [])

    def test_finds_a_drawer(self):
        self.assert_finds(layout.check(self.plant({"src/log/utils/x.cc": ""})), "folder-name", "src/log/utils")

    def test_finds_a_module_without_readme_or_row(self):
        tree = self.plant({"src/store/CMakeLists.txt": "switchyard_module(store LEVEL 3 DEPS base)\n"})
        self.assert_finds(layout.check(tree), "readme", "src/store")
        self.assert_finds(layout.check(tree), "table", "ARCHITECTURE.md", "src/store is not in the table")

    def test_finds_a_row_without_a_module_and_a_wrong_level(self):
        table = BASE["ARCHITECTURE.md"].replace("`log/` | 3", "`log/` | 4").replace("| `base/`", "| `gone/` | 1 | - |\n| `base/`")
        findings = layout.check(self.plant({"ARCHITECTURE.md": table}))
        self.assert_finds(findings, "table", "ARCHITECTURE.md", "gone")
        self.assert_finds(findings, "table", "ARCHITECTURE.md", "level 4 for log")

    def test_finds_a_folder_that_the_table_lacks(self):
        self.assert_finds(layout.check(self.plant({"extra/x.txt": ""})), "table", "CONTRIBUTING.md", "extra/")


class Text(TreeTest):
    def test_finds_the_path_of_one_machine(self):
        tree = self.plant({"docs/a.md": "see /" + "work/main/x\n", "docs/b.md": "see /" + "home/ann/x\n"})
        self.assert_finds(text.check(tree), "machine-path", "docs/a.md")
        self.assert_finds(text.check(tree), "machine-path", "docs/b.md")

    def test_accepts_relative_paths_and_variables(self):
        self.assertEqual(text.check(self.plant({"docs/a.md": "build/work/x ${ROOT}/work/x ../root/y\n"})), [])

    def test_finds_a_host_that_is_not_listed(self):
        tree = self.plant({text.HOSTS: "semver.org\n", "docs/a.md": "https://semver.org/ http://127.0.0.1:8080/ "
                                                                      "https://" + "registry.somewhere.dev/simple\n"})
        findings = text.check(tree)
        self.assert_finds(findings, "host", "docs/a.md", "registry.somewhere.dev")
        self.assertEqual(len(findings), 1)

    def test_finds_an_unfinished_merge(self):
        self.assert_finds(text.check(self.plant({"docs/a.md": "<" * 7 + " HEAD\n"})), "conflict", "docs/a.md")


class Counting(TreeTest):
    def results(self, status, report, program="log_tests", name="log"):
        files = {"r/ctest.xml": f'<testsuite><testcase name="{name}" status="{status}"/></testsuite>',
                 "r/tests.json": json.dumps({"tests": [{"name": name, "command": [f"x/{program}"]}]})}
        if report is not None:
            files[f"r/gtest/{program}.json"] = report
        self.plant(files, base=False)
        return count_tests.count_folder(os.path.join(self.root, "r"))[:3]

    def report(self, *cases):
        return json.dumps({"testsuites": [{"name": "S", "testsuite": [
            {"name": str(number), "status": "RUN", "result": "SKIPPED" if case == "skip" else "COMPLETED",
             **({"failures": [{}]} if case == "fail" else {})} for number, case in enumerate(cases)]}]})

    def test_counts_cases(self):
        self.assertEqual(self.results("fail", self.report("pass", "fail", "skip", "pass")), (2, 1, 1))

    def test_counts_a_crash_as_a_failure(self):
        self.assertEqual(self.results("fail", None), (0, 1, 0))

    def test_counts_a_report_cut_short_as_a_failure(self):
        self.assertEqual(self.results("fail", '{"testsuites": ['), (0, 1, 0))

    def test_counts_a_leak_at_exit_as_a_failure(self):
        self.assertEqual(self.results("fail", self.report("pass")), (1, 1, 0))

    def test_counts_a_plain_program_as_one(self):
        self.assertEqual(self.results("run", None, program="check.sh", name="check"), (1, 0, 0))

    def test_nothing_run_is_not_success(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(count_tests.main([self.root]), 1)


class Canary(unittest.TestCase):
    @unittest.skipUnless(os.environ.get("SWITCHYARD_CANARY"), "runs only when asked for")
    def test_fails_when_asked(self):
        self.fail("the canary sings")

    @unittest.skipIf(os.environ.get("SWITCHYARD_CANARY"), "would call itself")
    def test_a_failing_test_fails_the_run(self):
        environment = {**os.environ, "SWITCHYARD_CANARY": "1"}
        environment.pop("SWITCHYARD_CASES", None)
        result = subprocess.run([sys.executable, os.path.abspath(__file__), "Canary"], env=environment, capture_output=True,
                                text=True, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("the canary sings", result.stderr)


if __name__ == "__main__":
    unittest.main()
