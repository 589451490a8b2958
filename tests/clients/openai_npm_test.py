"""OpenAI's npm package against the gateway, unchanged: openai_npm.mjs asks, this starts what it needs and hears how it went."""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "api")]
import harness  # noqa: E402
from client_case import ClientCase  # noqa: E402

# tools/setup_clients puts Node.js beside this Python, and the packages beside the environment.
ENVIRONMENT = pathlib.Path(sys.executable).parent


class Npm(ClientCase):
    def test_the_package_works_unchanged(self):
        keys = self.server.keys
        done = subprocess.run([ENVIRONMENT / "node", "--test", "--test-reporter=spec", HERE / "openai_npm.mjs"],
                              env=dict(os.environ, SWITCHYARD_URL=self.server.url, SWITCHYARD_KEY=keys["dora"], SWITCHYARD_VIEWER_KEY=keys["vera"],
                                       UPSTREAM_URL=self.upstream.url, NPM_FOLDER=str(ENVIRONMENT.parents[1] / "npm")),
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout[done.stdout.rindex("ℹ tests"):])


if __name__ == "__main__":
    harness.main()
