#!/usr/bin/env python3
"""The pages of the docs: links lead somewhere, every command and finding is named, tables are those of the program."""
import re
import subprocess
import sys
import unittest
from pathlib import Path

from console import PAGES, PROGRAM, SOURCE, blocks

from tap import main, need

OTHERS = [SOURCE / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]


def heading_ids(text):
    """The anchors of a page, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            for line in text.splitlines() if line.startswith("#")}


def words(*args):
    """The first column below "Commands:" of a help."""
    said = subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  ([a-z-]+)(?:  |$)", said.partition("Commands:")[2].partition("\n\n")[0], re.MULTILINE)


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need(PROGRAM.exists(), f"'{PROGRAM}' is not built")
        cls.text = "\n".join(page.read_text() for page in PAGES)

    def test_links_lead_somewhere(self):
        for page in [*PAGES, *OTHERS]:
            text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                if link.startswith(("https://", "http://")):
                    continue
                path, _, anchor = link.partition("#")
                target = page.parent / path if path else page
                self.assertTrue(target.exists(), f"{page.name}: {link}")
                if anchor:
                    self.assertIn(anchor, heading_ids(target.read_text()), f"{page.name}: {link}")

    def test_every_page_is_in_the_readme(self):
        readme = (SOURCE / "README.md").read_text()
        for page in PAGES[1:]:
            self.assertIn(f"(docs/{page.name})", readme)

    def test_every_command_is_named(self):
        """`poterne NOUN VERB`, or `NOUN VERB` in a sentence, of each row of the command table."""
        for noun in words("--help"):
            for verb in words(noun, "--help") or [""]:
                command = f"{noun} {verb}".strip()
                self.assertTrue(re.search(rf"(poterne |`){re.escape(command)}\b", self.text), command)

    def test_what_is_named_is_a_command(self):
        nouns = {noun: words(noun, "--help") for noun in words("--help")}
        for page in PAGES:
            for noun, verb in re.findall(r"`poterne ([a-z][a-z-]*)(?: ([a-z-]+))?[^`]*`", page.read_text()):
                self.assertIn(noun, nouns, f"{page.name}: poterne {noun}")
                if nouns[noun] and verb:
                    self.assertIn(verb, nouns[noun], f"{page.name}: poterne {noun} {verb}")

    def test_every_finding_is_explained(self):
        table = (SOURCE / "src/pki/inspect.c").read_text().partition("finding_kinds[] = {")[2].partition("};")[0]
        codes = re.findall(r'^    \{ "([a-z0-9-]+)"', table, re.MULTILINE)
        self.assertGreater(len(codes), 10)
        for code in codes:
            self.assertTrue(f"| `{code}` |" in self.text, code)

    def test_every_recorded_action_is_explained(self):
        text = (SOURCE / "docs/audit.md").read_text()
        code = "".join(file.read_text() for file in SOURCE.glob("src/*/*.c"))
        actions = set(re.findall(r'(?:decid(?:e|ing)\([&\w>-]+, |\.action = )"([a-z-]+\.[a-z-]+)"', code))
        self.assertGreater(len(actions), 10)
        for action in actions:
            self.assertTrue(f"`{action}`" in text, action)

    def test_every_exported_file_is_explained(self):
        """Paths of the tables in pki: bundles, leaves, components."""
        text = (SOURCE / "docs/export.md").read_text()
        plan, layout = ((SOURCE / f"src/pki/{name}.c").read_text() for name in ("plan", "layout"))
        paths = re.findall(r'\{ "(pki/[\w./-]+)", AUTHORITY', plan)
        paths += [path for path in re.findall(r'"(pki/[\w./-]+)", +NEED', layout)] + re.findall(r'"([\w-]+\.conf)"', layout)
        self.assertGreater(len(paths), 20)
        for path in paths:
            self.assertTrue(path.removeprefix("pki/etcd/").removeprefix("pki/") in text, path)

    def test_the_shown_script_is_the_script(self):
        shown = ["\n".join(lines) + "\n" for _, lines in blocks((SOURCE / "docs/audit.md").read_text(), "bash")]
        self.assertEqual(shown, [(SOURCE / "docs/verify-audit.sh").read_text()])

    def test_isolation_shows_the_tested_tables(self):
        from matrix import crossings, table
        text = (SOURCE / "docs/isolation.md").read_text()
        self.assertTrue(table() in text and crossings() in text, "run test/kube/matrix.py")

    def test_lines_fit(self):
        """Prose is wrapped; tables, outputs and diagrams are as wide as they are."""
        for page in PAGES:
            text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
            for line in text.splitlines():
                self.assertTrue(len(line) <= 140 or line.startswith("|"), f"{page.name}: {line}")


if __name__ == "__main__":
    main()
