"""The table of docs/roles.md, cell by cell, against the binary: every operation, called with a key of every role.

  roles_test.py --binary build/release/bin/switchyard            compares
  roles_test.py --binary build/release/bin/switchyard --write    writes the table as the binary has it
"""
import json
import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "api"))
import harness  # noqa: E402
import openapi_check  # noqa: E402
from harness import Server, send  # noqa: E402

TABLE = harness.SOURCE / "docs/roles.md"
KEYS = {"viewer": "vera", "reviewer": "ann", "developer": "dora", "operator": "olaf", "auditor": "axel", "worker": "wanda", "admin": "admin"}
BEGIN, END = "<!-- table: tests/gateway/roles_test.py --write -->", "<!-- end of table -->"


def operations():
    description = openapi_check.Description(json.loads((harness.SOURCE / "docs/openapi.json").read_text()))
    return description.operations


def may_call(server, operation, key):
    """Whether the door lets the key in. The request names nothing that is there and has a body that nothing takes, so that
    no operation does anything."""
    target = re.sub(r"{\w+}", "no-such-thing", operation["path"])
    body = None if operation["method"] == "GET" else "[]"
    answer = send(server, operation["method"], target, body, {"Content-Type": "application/json"}, key)
    refused = answer.status in (401, 403) and answer.body is not None and "permission" in json.dumps(answer.body)
    if answer.status in (401, 403) and not refused:
        raise AssertionError(f"{target} answered {answer.status} for another reason: {answer.text}")
    return not refused


def measured(server):
    """{operation: (permission, {role: may})}, as the binary behaves."""
    return {name: (operation["x-permission"], {role: may_call(server, operation, key) for role, key in KEYS.items()})
            for name, operation in operations().items()}


def table_of(found):
    lines = ["| operation | permission | " + " | ".join(KEYS) + " |", "| --- | --- |" + " :-: |" * len(KEYS)]
    for name, (permission, cells) in found.items():
        shown = f"`{permission}`" if permission else "anybody"
        lines.append(f"| `{name}` | {shown} | " + " | ".join("✓" if cells[role] else "–" for role in KEYS) + " |")
    return "\n".join(lines)


def documented():
    """{operation: {role: may}}, as the document says."""
    text = TABLE.read_text()
    rows = text[text.index(BEGIN):text.index(END)].strip().splitlines()[1:]
    roles = [cell.strip() for cell in rows[0].strip("|").split("|")][2:]
    told = {}
    for row in rows[2:]:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        told[cells[0].strip("`")] = {role: cell == "✓" for role, cell in zip(roles, cells[2:], strict=True)}
    return told


class TheTable(unittest.TestCase):
    def test_is_what_the_server_does(self):
        server = Server()
        self.addCleanup(server.remove)
        found, told = measured(server), documented()
        self.assertEqual(set(told), set(found), "run this test with --write")
        for name, (_, cells) in found.items():
            for role, may in cells.items():
                with self.subTest(operation=name, role=role):
                    self.assertEqual(told[name][role], may)

    def test_grants_no_role_but_admin_everything(self):
        told = documented()
        for role in KEYS:
            everything = all(cells[role] for cells in told.values())
            self.assertEqual(everything, role == "admin", role)


def write():
    server = Server()
    try:
        table = table_of(measured(server))
    finally:
        server.remove()
    text = TABLE.read_text()
    TABLE.write_text(text[:text.index(BEGIN)] + BEGIN + "\n" + table + "\n" + text[text.index(END):])


if __name__ == "__main__":
    if "--write" in sys.argv:
        harness.OPTIONS.binary = str(pathlib.Path(sys.argv[sys.argv.index("--binary") + 1]).resolve())
        write()
    else:
        harness.main()
