#!/usr/bin/env python3
"""Runs the commands that the docs show, and compares what they print with what is shown.

A fenced block ```console of README.md or docs/*.md is a session: "$ " begins a command, "> " goes on with it, and the rest
is its output, stdout and stderr, with "[exit 5]" behind it when that is not 0. The blocks of a page run in order, in one
fresh folder with a fresh state directory; test/docs/PAGE.sh, if there is one, prepares that folder. "..." stands for
anything. What is another each time (dates, serial numbers, lives, keys) is compared by its form alone.

A command that begins a daemon or an agent ("poterne serve ... &") is left running until the page ends, and the next one
waits until the daemon listens. 127.0.0.1:8443 of a page is a free port, and the page's folder shows as /srv/try.

```console-cluster is for what needs root or a cluster: there only commands and options of poterne are looked up.
"""
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "test" / "kube"))
from tap import main, need  # noqa: E402

PROGRAM = Path(os.environ.get("POTERNE", SOURCE / "build" / "poterne")).resolve()
PAGES = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]

FORMS = (  # what is another each time: a pattern, and what it becomes
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?", "TIME"),
    (r"\b01[0-9a-z]{24}\.[\w-]{43}|\bpoti_[\w-]{32}", "TOKEN"),
    (r"\b[0-9a-hjkmnp-tv-z]{26}\b", "UID"),
    (r"\b(?:[0-9A-F]{2}:){7,}[0-9A-F]{2}\b|\b[0-9a-f]{16,}\b", "HEX"),
    (r"[A-Za-z0-9+/]{40,}={0,2}", "BASE64"),
    (r"\b(?:\d+[ywdhms])+\b", "LIFE"),
    (r"\blocal:[a-z][a-z0-9_-]*", "local:USER"),
    (r"(?<=[A-Z]) = ", "="),  # openssl 3.0 writes names so
    (r"[ \t]+(?=\n)", ""),  # before a line's end
    (r" {2,}", "  "),  # columns are as wide as what is in them
)


def blocks(text, kind):
    """The fenced blocks of a kind: [(line number, [line])]."""
    found, inside = [], None
    for number, line in enumerate(text.splitlines(), 1):
        if inside is None and line.startswith("```"):
            inside = (line[3:].strip(), number, [])
        elif inside and line.strip() == "```":
            if inside[0] == kind:
                found.append(inside[1:])
            inside = None
        elif inside:
            inside[2].append(line)
    return found


def steps(lines):
    """A session's commands: [(command, output shown, exit code)]."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append([line[2:], "", 0])
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        elif code := re.fullmatch(r"\[exit (\d+)\]", line):
            found[-1][2] = int(code[1])
        else:
            found[-1][1] += line + "\n"
    return found


def by_form(text):
    for pattern, name in FORMS:
        text = re.sub(pattern, name, text)
    return text


def pattern_of(shown):
    """A regular expression for what a page shows."""
    lines = []
    for line in by_form(shown).splitlines():
        lines.append(r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n")
    return "".join(lines)


def prepare(folder, page):
    """An environment in which the page's commands run."""
    (folder / "bin").mkdir()
    (folder / "bin" / "poterne").symlink_to(PROGRAM)
    (folder / "work").mkdir()
    (folder / "work" / "docs").symlink_to(SOURCE / "docs")
    env = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "POTERNE_STATE": str(folder / "state"),
           "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    before = Path(__file__).parent / f"{page.stem}.sh"
    if before.exists():
        subprocess.run(["bash", "-eu", before], cwd=folder / "work", env=env, check=True, capture_output=True)
    return env


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def listens(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(str(path)) == 0


class Session:
    """A page's folder, environment and what runs in the background."""

    def __init__(self, folder, page):
        self.folder, self.env, self.port, self.background = folder, prepare(folder, page), str(free_port()), []

    def start(self, command):
        """In a process group of its own, which ends with the page."""
        self.background.append(subprocess.Popen(
            ["bash", "-c", command], cwd=self.folder / "work", env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        self.background[-1].wait(60)
        end = time.monotonic() + 30
        log = self.folder / "work" / "serve.log"
        while "serve" in command and time.monotonic() < end:
            if log.exists() and "front:" in log.read_text() and listens(self.folder / "work" / "poterne.sock"):
                break
            time.sleep(0.02)
        return "", 0

    def run(self, command):
        command = command.replace("127.0.0.1:8443", f"127.0.0.1:{self.port}")
        if re.match(r"poterne (serve|agent run)\b.*&( |$)", command):
            return self.start(command)
        done = subprocess.run(["bash", "-c", command], cwd=self.folder / "work", env=self.env, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        printed = done.stdout
        for path, name in ((f"{self.folder}/state", "/var/lib/poterne"), (str(PROGRAM), "/usr/local/bin/poterne"),
                           (f"{self.folder}/work", "/srv/try"), (str(self.folder), "/home/anna"),
                           (f"127.0.0.1:{self.port}", "127.0.0.1:8443")):
            printed = printed.replace(path, name)
        return printed, done.returncode

    def stop(self):
        for process in self.background:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
            end = time.monotonic() + 20
            while time.monotonic() < end:
                try:
                    os.killpg(process.pid, 0)
                except ProcessLookupError:
                    break
                time.sleep(0.05)


class Console(unittest.TestCase):
    maxDiff = None

    def check_page(self, page):
        with tempfile.TemporaryDirectory() as name:
            session = Session(Path(name), page)
            try:
                self.check_session(session, page)
            finally:
                session.stop()

    def check_session(self, session, page):
        for number, lines in blocks(page.read_text(), "console"):
            for command, shown, code in steps(lines):
                printed, got = session.run(command)
                where = f"{page.name}:{number}: $ {command}"
                self.assertEqual(got, code, f"{where}\n{printed}")
                if not re.fullmatch(pattern_of(shown), by_form(printed)):
                    self.fail(f"{where}\n-- shown\n{shown}-- printed\n{printed}")

    def check_words(self, command, where):
        """Every `poterne NOUN VERB --option` of a command line exists."""
        for part in re.split(r"[|;&]+", command.replace("\\\n", " ")):
            words = shlex.split(part, comments=True)
            if not any(Path(word).name == "poterne" for word in words):
                continue
            words = words[[Path(word).name for word in words].index("poterne") + 1:]
            verb = [word for word in words[:2] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
            asked = subprocess.run([PROGRAM, *verb, "--help"], capture_output=True, text=True)
            self.assertEqual(asked.returncode, 0, f"{where}: {' '.join(verb)}: {asked.stderr}")
            for option in re.findall(r"(?<=\s)--[a-z-]+", " " + " ".join(words)):
                self.assertRegex(asked.stdout, rf"{option}\b", f"{where}: {' '.join(verb)}")

    def test_what_needs_a_cluster_names_real_commands(self):
        for page in PAGES:
            for kind in ("console-cluster", "sh"):
                for number, lines in blocks(page.read_text(), kind):
                    text = "\n".join(line.removeprefix("$ ") for line in lines if kind == "sh" or line.startswith("$ "))
                    for command in text.replace("\\\n", " ").splitlines():
                        self.check_words(command, f"{page.name}:{number}")


def case_of(page):
    def case(self):
        need(PROGRAM.exists(), f"'{PROGRAM}' is not built")
        for tool in ("faketime", "jq", "openssl"):
            need(shutil.which(tool), f"needs '{tool}'")
        self.check_page(page)
    return case


for one in PAGES:
    if blocks(one.read_text(), "console"):
        setattr(Console, f"test_{one.stem.lower().replace('-', '_')}", case_of(one))

if __name__ == "__main__":
    main()
