"""Who may include what: declared dependencies' public headers, own private ones; no cycles, no heavy faces."""
import os
import re

from tidylib import cpp
from tidylib.tree import Finding, line_of, module_of

# Libraries whose headers cost every includer seconds; a public header reaches them through a forward declaration.
HEAVY = ("boost/asio", "boost/beast", "boost/json", "rocksdb/", "grpc", "google/protobuf", "onnxruntime", "yaml-cpp/",
         "simdjson", "prometheus/", "openssl/", "re2/", "CLI/")


def check(tree):
    files = set(tree.paths)
    findings = []
    graph = {}
    for path in tree.code():
        text = tree.read(path)
        if path.endswith(".h") and "#pragma once" not in text:
            findings.append(Finding(path, 1, "pragma-once", "a header begins with #pragma once"))
        for position, quote, name in cpp.includes(text):
            message, target = _judge(tree, files, path, quote, name)
            if message:
                findings.append(Finding(path, line_of(text, position), "include", message))
            if target and module_of(path) and not _is_test(path) and target != module_of(path):
                graph.setdefault(module_of(path), {}).setdefault(target, path)
    return findings + _cycles(graph) + _levels(tree)


def _is_test(path):
    return path.split("/")[2:3] in (["tests"], ["bench"])


def _judge(tree, files, path, quote, name):
    """(what is wrong or '', the module included or '')"""
    own = module_of(path)
    public = re.match(r"switchyard/(\w+)/", name)
    if public:
        target = public.group(1)
        if f"{target}/include/{name}" in files:
            # testing/ and its like: fakes that never reach the server.
            fault = own and not _is_test(path)
            return f"<{name}> is for tests only" if fault else "", ""
        if f"src/{target}/include/{name}" not in files:
            return f"there is no src/{target}/include/{name}", target
        if own and target != own and not _is_test(path) and target not in tree.reachable(own):
            return (f"{own} does not declare {target}: add it to DEPS in src/{own}/CMakeLists.txt "
                    "(lower levels only), or do without"), target
        return "", target
    if "/include/switchyard/" in path:
        if quote == '"':
            return f"a public header may not include the private {name}: other modules cannot see it", ""
        if name.startswith(HEAVY):
            return f"a public header may not include <{name}>: declare what is needed, include it in the .cc", ""
    if quote == '"' and not _own_file(files, tree.modules, path, own, name):
        return (f'"{name}" is no file of {"module " + own if own else "this folder"}: of other modules only '
                "<switchyard/MODULE/...> may be included; libraries with < >"), ""
    return "", ""


def _own_file(files, modules, path, own, name):
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    if own:
        return any(found in files and found.startswith(f"src/{own}/")
                   for found in (beside, os.path.normpath(f"src/{own}/{name}")))
    if path.startswith("fuzz/") and (beside in files or any(f"src/{module}/{name}" in files for module in modules)):
        # A fuzzer is a test of the module that it names: it may look inside.
        return True
    # The other folders see each other's files by their path from the root, never a module's private ones.
    return any(found in files and not found.startswith("src/") for found in (beside, os.path.normpath(name)))


def _levels(tree):
    findings = []
    for module in tree.modules.values():
        for dep in module.deps:
            other = tree.modules.get(dep)
            if other is None or other.level >= module.level:
                findings.append(Finding(f"src/{module.name}/CMakeLists.txt", 0, "level",
                                        f"{module.name} (level {module.level}) may not use {dep}"
                                        + (f" (level {other.level})" if other else ", which does not exist")))
    return findings


def _cycles(graph):
    """A finding per cycle of modules; the includes count, whatever CMake says."""
    findings = []
    state = {}

    def visit(module, trail):
        state[module] = "open"
        for target, witness in sorted(graph.get(module, {}).items()):
            if state.get(target) == "open":
                cycle = trail[trail.index(target):] + [target] if target in trail else [module, target]
                findings.append(Finding(witness, 0, "include-cycle", "modules include each other: " + " -> ".join(cycle)))
            elif target not in state:
                visit(target, trail + [target])
        state[module] = "done"

    for module in sorted(graph):
        if module not in state:
            visit(module, [module])
    return findings
