"""Files and functions of a readable length; what is longer must not be."""
from tidylib import cpp
from tidylib.tree import Finding

FILE_AIM, FILE_STOP = 400, 800
FUNCTION_AIM, FUNCTION_STOP = 70, 120


def check(tree):
    findings = []
    for path in tree.paths:
        if path.endswith((".cc", ".h", ".py", ".sh", ".ts")) or path == "dev":
            lines = tree.read(path).count("\n")
            if lines > FILE_AIM:
                findings.append(Finding(path, 0, "file-length", f"{lines} lines; aim for {FILE_AIM}, at most {FILE_STOP}:"
                                        " split it by what changes together", lines > FILE_STOP, lines))
    for path in tree.code():
        for function in cpp.functions(tree.read(path)):
            if function.lines > FUNCTION_AIM:
                findings.append(Finding(path, function.line, "function-length",
                                        f"{function.name} has {function.lines} lines; aim for {FUNCTION_AIM}, at most "
                                        f"{FUNCTION_STOP}: give its parts names", function.lines > FUNCTION_STOP,
                                        function.lines, function.name))
    return findings
