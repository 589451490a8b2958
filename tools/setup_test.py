#!/usr/bin/env python3
"""Tests of tools/setup against a machine of scripts: dpkg-query, apt-get, apt-cache, id and sudo are played, so that
nothing is installed and every order of events can be had."""
import os
import shutil
import subprocess
import tempfile
import unittest

TOOLS = os.path.dirname(os.path.abspath(__file__))

FAKES = {
    # What is installed stands in a file; installing adds to it unless apt is told to break.
    "dpkg-query": 'while read -r name; do echo "$name installed"; done <"$MACHINE/installed"',
    "apt-get": """echo "${0##*/} $*" >>"$MACHINE/calls"
[ -e "$MACHINE/apt-breaks" ] && [ "${*#*install}" != "$*" ] && { echo "E: no network" >&2; exit 100; }
for word; do case $word in -*|install|update|*=*) ;; *) echo "$word" >>"$MACHINE/installed" ;; esac; done""",
    "apt-cache": 'echo "$2:"; echo "  Installed: (none)"\n'
                 'if grep -qx "$2" "$MACHINE/available"; then echo "  Candidate: 1"; else echo "  Candidate: (none)"; fi',
    "id": "cat $MACHINE/uid",
}
SUDO = 'echo "sudo $*" >>"$MACHINE/calls"; [ "$1" = -n ] && { [ ! -e "$MACHINE/password" ]; exit; }; exec "$@"'


class Setup(unittest.TestCase):
    def setUp(self):
        self.machine = tempfile.mkdtemp(prefix="setup-test-")
        self.addCleanup(shutil.rmtree, self.machine)
        self.write("installed", "bash\n")
        self.write("available", "gcc-one\ntool\nsecond\n")
        self.write("uid", "0\n")
        self.write("root/tools/packages-build.txt", "# what building needs\ngcc-one  # a compiler\n\nfirst | second\n")
        self.write("root/tools/packages-test.txt", "tool\ngcc-one\n")
        shutil.copy(os.path.join(TOOLS, "setup"), os.path.join(self.machine, "root/tools/setup"))
        for name, body in FAKES.items():
            self.command(name, body)
        for name in ("bash", "env", "awk", "grep", "tail", "mkdir", "dirname", "cat"):
            os.symlink(shutil.which(name), os.path.join(self.machine, "bin", name))

    def write(self, name, content):
        path = os.path.join(self.machine, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)

    def command(self, name, body):
        self.write(f"bin/{name}", f"#!{shutil.which('bash')}\n{body}\n")
        os.chmod(os.path.join(self.machine, "bin", name), 0o755)

    def calls(self):
        path = os.path.join(self.machine, "calls")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def run_setup(self, *lists, **environment):
        return subprocess.run([os.path.join(self.machine, "root/tools/setup"), *lists], stdin=subprocess.DEVNULL,
                              env={"PATH": os.path.join(self.machine, "bin"), "MACHINE": self.machine, **environment},
                              capture_output=True, text=True, check=False)

    def test_installs_what_is_missing_and_says_so_first(self):
        result = self.run_setup("build", "test")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("installing with apt: gcc-one second tool", result.stdout)
        self.assertEqual([call.split()[-1] for call in self.calls()], ["-q", "tool"])
        self.assertIn("--no-remove gcc-one second tool", self.calls()[1])

    def test_touches_no_network_when_all_is_there(self):
        self.write("installed", "gcc-one\nfirst\ntool\n")
        result = self.run_setup("build", "test")
        self.assertEqual((result.returncode, result.stdout, self.calls()), (0, "", []))

    def test_is_content_with_any_alternative(self):
        self.write("installed", "gcc-one\nsecond\n")
        self.assertEqual(self.run_setup("build").returncode, 0)
        self.assertEqual(self.calls(), [])

    def test_prefers_the_first_alternative_that_can_be_had(self):
        self.write("available", "gcc-one\nfirst\nsecond\n")
        self.assertIn("gcc-one first", self.run_setup("build").stdout)

    def test_a_second_run_installs_nothing(self):
        self.run_setup("build")
        before = self.calls()
        self.assertEqual(self.run_setup("build").returncode, 0)
        self.assertEqual(self.calls(), before)

    def test_uses_sudo_when_not_root(self):
        self.write("uid", "1000\n")
        self.command("sudo", SUDO)
        result = self.run_setup("build")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(any(call.startswith("sudo env") for call in self.calls()))

    def test_names_the_packages_in_one_line_without_sudo(self):
        self.write("uid", "1000\n")
        result = self.run_setup("build")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("apt-get install gcc-one second", result.stderr)
        self.assertEqual(self.calls(), [])

    def test_names_the_packages_in_one_line_when_sudo_cannot_ask(self):
        self.write("uid", "1000\n")
        self.write("password", "")
        self.command("sudo", SUDO)
        result = self.run_setup("build")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("apt-get install gcc-one second", result.stderr)

    def test_fails_with_apts_words_and_the_names(self):
        self.write("apt-breaks", "")
        result = self.run_setup("build")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no network", result.stderr)
        self.assertIn("could not install all of: gcc-one second", result.stderr.splitlines()[-1])

    def test_says_what_to_do_where_there_is_no_apt(self):
        os.remove(os.path.join(self.machine, "bin/apt-get"))
        result = self.run_setup("build")
        self.assertEqual(result.returncode, 1)
        self.assertIn("SWITCHYARD_SKIP_SETUP=1", result.stderr)
        self.assertEqual(self.run_setup("build", SWITCHYARD_SKIP_SETUP="1").returncode, 0)

    def test_refuses_a_list_that_does_not_exist(self):
        self.assertNotEqual(self.run_setup("nonsense").returncode, 0)


if __name__ == "__main__":
    unittest.main()
