#!/usr/bin/env python3
"""The command line as people and scripts meet it: what goes where, exit codes, shapes of JSON, shells, manual pages.

POTERNE_GOLDEN=write writes test/golden/json anew.
"""
import json
import os
import pty
import re
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kube"))
from cluster import PROGRAM, SOURCE, Poterne  # noqa: E402
from tap import main, need  # noqa: E402

FAILED, USAGE, NOT_FOUND, CONFLICT, REFUSED, EXPIRING, FAULT = 1, 2, 3, 4, 5, 6, 7
GOLDEN = SOURCE / "test" / "golden" / "json"
SANITIZED = bool(os.environ.get("POTERNE_SANITIZED"))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="poterne-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.poterne = Poterne(self.folder)

    def create(self, name="demo", *args):
        return self.poterne.create(name, *args, control_plane="cp1=10.0.0.1", endpoint="10.0.0.1:6443")

    def run_bare(self, *args, env=None, **options):
        """Without --state: the environment says where it is."""
        given = {**os.environ, "POTERNE_STATE": str(self.poterne.state), **(env or {})}
        options = {"capture_output": True, "text": True, "timeout": 60, **options}
        return subprocess.run([PROGRAM, *map(str, args)], env=given, **options)

    def ends(self, code, *args, **options):
        done = self.poterne.run(*args, check=False, **options)
        self.assertEqual(done.returncode, code, f"{args}: {done.stdout}{done.stderr}")
        return done

    def json(self, *args):
        return json.loads(self.poterne.run(*args, "-o", "json").stdout)


class WhatGoesWhere(Case):
    def test_done_is_for_people(self):
        done = self.create()
        self.assertEqual((done.stdout, done.stderr), ("", "cluster demo created\n"))
        done = self.create()
        self.assertEqual((done.stdout, done.stderr), ("", "cluster demo is there already; nothing changed\n"))

    def test_quiet(self):
        done = self.create("demo", "-q")
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_warnings_are_not_quiet(self):
        done = self.create("demo", "-q", "--etcd", "a=10.0.0.7", "--etcd", "b=10.0.0.8")
        self.assertRegex(done.stderr, "^warning: 2 etcd members")

    def test_nothing_there(self):
        done = self.ends(0, "cluster", "list")
        self.assertEqual((done.stdout, done.stderr), ("", "no clusters\n"))
        self.assertEqual(self.json("cluster", "list"), {"apiVersion": "poterne/v1", "kind": "ClusterList", "items": []})
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "yaml").stdout,
                         "apiVersion: poterne/v1\nkind: ClusterList\nitems: []\n")
        self.assertFalse(self.poterne.state.exists(), "reading makes no state directory")

    def test_errors(self):
        done = self.ends(NOT_FOUND, "cluster", "show", "nope")
        self.assertEqual((done.stdout, done.stderr),
                         ("", f"poterne: there is no state directory '{self.poterne.state}' yet\n"))
        self.create()
        done = self.ends(NOT_FOUND, "cluster", "show", "nope")
        self.assertEqual((done.stdout, done.stderr), ("", "poterne: there is no cluster 'nope'\n"))
        done = self.ends(NOT_FOUND, "cluster", "show", "nope", "-o", "json")
        self.assertEqual(done.stdout, "")
        problem = json.loads(done.stderr)
        self.assertEqual((problem["kind"], problem["status"], problem["code"]), ("Problem", 404, "not-found"))

    def test_usage_errors_name_the_help(self):
        done = self.ends(USAGE, "cluster", "creat", "x")
        self.assertRegex(done.stderr, r"did you mean 'cluster create'\?\nsee 'poterne cluster --help'\n$")
        done = self.ends(USAGE, "cluster", "create", "x", "--nope", "-o", "json")
        self.assertEqual(json.loads(done.stderr)["code"], "invalid")

    def test_no_command_is_a_mistake(self):
        for args in ([], ["cluster"]):
            done = self.run_bare(*args)
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
            self.assertRegex(done.stderr, "^usage: poterne")
            done = self.run_bare(*args, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_version(self):
        for args in (["version"], ["--version"]):
            self.assertRegex(self.run_bare(*args).stdout, r"^poterne \d+\.\d+\.\d+\n$")
        self.assertEqual(json.loads(self.run_bare("version", "-o", "json").stdout)["kind"], "Version")

    def test_names(self):
        self.create("a")
        self.create("b")
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "a\nb\n")
        serials = self.poterne.run("cert", "list", "a", "-o", "name").stdout.split()
        self.assertTrue(serials)
        self.assertEqual(self.json("cert", "show", serials[0])["serial"], serials[0])


class Streams(Case):
    def setUp(self):
        super().setUp()
        self.create()

    def test_full_disk_on_stdout(self):
        with open("/dev/full", "w") as full:
            done = self.run_bare("cluster", "list", stdout=full, stderr=subprocess.PIPE, capture_output=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("write to stdout: No space left", done.stderr)

    def test_reader_gone(self):
        read, write = os.pipe()
        os.close(read)
        done = self.run_bare("audit", "export", stdout=write, stderr=subprocess.PIPE, capture_output=False)
        os.close(write)
        self.assertEqual((done.returncode, done.stderr), (FAILED, ""))

    def test_closed_standard_descriptors(self):
        script = '"$0" cluster create other --endpoint a:1 --control-plane m=10.0.0.1 <&- >&- 2>&-'
        self.assertEqual(subprocess.run(["bash", "-c", script, PROGRAM],
                                        env={**os.environ, "POTERNE_STATE": str(self.poterne.state)}).returncode, 0)
        self.assertEqual(self.json("state", "check")["good"], True)
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "demo\nother\n")


class StateDirectory(Case):
    def test_from_environment_and_option(self):
        self.assertEqual(self.run_bare("cluster", "create", "one", "--endpoint", "a:1", "--control-plane", "m=10.0.0.1",
                                       cwd=self.folder, env={"POTERNE_STATE": "relative"}).returncode, 0)
        self.assertTrue((self.folder / "relative" / "store.db").exists())
        done = self.run_bare("cluster", "list", "-o", "name", "--state", self.folder / "relative")
        self.assertEqual(done.stdout, "one\n")

    def test_default_of_others_than_root(self):
        need(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
        os.chmod(self.folder, 0o777)
        env = {"HOME": str(self.folder), "POTERNE_STATE": "", "XDG_STATE_HOME": str(self.folder / "xdg")}
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, "cluster", "create", "x",
                   "--endpoint", "a:1", "--control-plane", "m=10.0.0.1"]
        done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
        if "Permission denied" in done.stderr and not os.access(PROGRAM, os.X_OK):
            self.skipTest("the build folder is closed to others")
        if done.returncode == 127 or "setpriv" in done.stderr:
            self.skipTest("the build folder is closed to others")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "xdg" / "poterne" / "store.db").exists())


def on_terminal(args, answer=None, env=None):
    """Runs with a terminal for stdin, stdout and stderr; (exit code, what was shown)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm", **(env or {})})
        os.execv(PROGRAM, [PROGRAM, *map(str, args)])
    shown = b""
    while True:
        ready, _, _ = select.select([fd], [], [], 60)
        try:
            data = os.read(fd, 4096) if ready else b""
        except OSError:
            break
        if not data:
            break
        shown += data
        if answer is not None and b"to go on: " in shown:
            os.write(fd, answer.encode())
            answer = None
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


class Terminals(Case):
    def setUp(self):
        super().setUp()
        self.create()
        self.state = ["--state", str(self.poterne.state)]

    def test_color(self):
        env = {"NO_COLOR": ""}
        self.assertIn("\x1b[1mNAME", on_terminal(["cluster", "list", *self.state], env=env)[1])
        self.assertNotIn("\x1b", on_terminal(["cluster", "list", "--no-color", *self.state], env=env)[1])
        self.assertNotIn("\x1b", on_terminal(["cluster", "list", *self.state], env={"NO_COLOR": "1"})[1])
        self.assertNotIn("\x1b", on_terminal(["cluster", "list", *self.state], env={**env, "TERM": "dumb"})[1])
        self.assertNotIn("\x1b", self.poterne.run("cluster", "list").stdout)

    def test_deletion_wants_the_name(self):
        delete = ["cluster", "delete", "demo", *self.state]
        for answer in ("no\n", "\n", "Demo\n", "demo \n", "\x04"):
            code, shown = on_terminal(delete, answer)
            self.assertEqual(code, REFUSED, shown)
            self.assertIn("the keys of its authorities", shown)
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "demo\n")
        code, shown = on_terminal(delete, "demo\n")
        self.assertEqual(code, 0, shown)
        self.assertEqual(self.poterne.run("cluster", "list", "-o", "name").stdout, "")

    def test_deletion_without_terminal(self):
        done = self.ends(USAGE, "cluster", "delete", "demo")
        self.assertRegex(done.stderr, "this destroys cluster 'demo': .*--yes")
        self.ends(USAGE, "audit", "prune", "--before", "1d")
        self.ends(0, "cluster", "delete", "demo", "--yes")


class Lists(Case):
    """A list of more than one page: one document, and memory that does not grow."""

    def peak(self, *args):
        pid = os.fork()
        if pid == 0:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.execv(PROGRAM, [PROGRAM, *args, "--state", str(self.poterne.state)])
        _, status, usage = os.wait4(pid, 0)
        self.assertEqual(status, 0)
        return usage.ru_maxrss

    def test_pages(self):
        names = [f"c{n:02}" for n in range(45)]  # a page holds 200 rows, a cluster has 5 authorities
        for name in names[:2]:
            self.create(name, "--service-account-key-type", "p256")
        few = self.peak("audit", "list", "-o", "json")
        for name in names[2:]:
            self.create(name, "--service-account-key-type", "p256")
        self.assertEqual([item["name"] for item in self.json("cluster", "list")["items"]], names)
        certs = self.json("cert", "list")
        self.assertEqual(len({item["serial"] for item in certs["items"]}), 5 * len(names))
        self.assertNotIn("next", certs)
        self.assertEqual(len(self.poterne.run("cert", "list", "-o", "name").stdout.split()), 5 * len(names))
        table = self.poterne.run("audit", "list").stdout.splitlines()
        self.assertGreater(len(table), 250)
        self.assertEqual([line.split()[0] for line in table], ["SEQ", *map(str, range(1, len(table)))])
        if not SANITIZED:
            self.assertLess(self.peak("audit", "list", "-o", "json"), few * 1.3 + 1500)


class Kubeconfigs(Case):
    def setUp(self):
        super().setUp()
        self.create()
        self.out = self.folder / "alice.conf"

    def test_file(self):
        issue = ["kubeconfig", "issue", "demo", "alice", "--group", "dev", "--out", self.out]
        self.poterne.run(*issue)
        self.assertEqual(stat.S_IMODE(self.out.stat().st_mode), 0o600)
        first = self.out.read_text()
        self.poterne.run(*issue)
        self.assertNotEqual(self.out.read_text(), first, "its own file is replaced")
        done = self.ends(CONFLICT, "kubeconfig", "issue", "demo", "bob", "--out", self.out)
        self.assertIn("--force", done.stderr)
        before = self.poterne.run("audit", "list").stdout
        self.out.write_text("something else\n")
        self.ends(CONFLICT, *issue)
        self.assertEqual(self.out.read_text(), "something else\n")
        self.assertEqual(self.poterne.run("audit", "list").stdout, before, "nothing is issued for nothing")
        self.ends(0, *issue, "--force")

    def test_stdout(self):
        done = self.poterne.run("kubeconfig", "issue", "demo", "alice", "--server", "https://other:1")
        self.assertTrue(done.stdout.startswith("apiVersion: v1\nkind: Config\n"))
        self.assertIn('server: "https://other:1"', done.stdout)
        self.assertEqual(done.stderr, "")

    def test_exec_plugin(self):
        self.poterne.run("kubeconfig", "issue", "demo", "alice", "--group", "dev", "--ttl", "30m", "--exec", "--out", self.out)
        text = self.out.read_text()
        self.assertNotIn("client-key", text)
        command = re.search(r'command: "(.*)"', text)[1]
        args = re.findall(r'      - "(.*)"', text)
        done = subprocess.run([command, *args], capture_output=True, text=True, check=True, cwd="/")
        credential = json.loads(done.stdout)
        self.assertEqual((credential["apiVersion"], credential["kind"]),
                         ("client.authentication.k8s.io/v1", "ExecCredential"))
        self.assertRegex(credential["status"]["expirationTimestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.check_pair(credential["status"]["clientCertificateData"], credential["status"]["clientKeyData"])

    def check_pair(self, cert, key):
        ca = self.folder / "ca.crt"
        ca.write_text(self.poterne.run("authority", "cert", "demo", "operators", "--bundle").stdout)
        (self.folder / "cert").write_text(cert)
        done = subprocess.run(["openssl", "verify", "-purpose", "sslclient", "-CAfile", ca, self.folder / "cert"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        subject = subprocess.run(["openssl", "x509", "-noout", "-subject", "-pubkey"], input=cert, capture_output=True,
                                 text=True, check=True).stdout
        self.assertRegex(subject, "O = dev, CN = alice")
        public = subprocess.run(["openssl", "pkey", "-pubout"], input=key, capture_output=True, text=True, check=True).stdout
        self.assertIn(public, subject)


class Signing(Case):
    def setUp(self):
        super().setUp()
        self.create()
        self.csr, self.der = self.folder / "bob.csr", self.folder / "bob.der"
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        self.folder / "bob.key", "-subj", "/CN=bob", "-out", self.csr], check=True, capture_output=True)
        subprocess.run(["openssl", "req", "-in", self.csr, "-outform", "DER", "-out", self.der], check=True)
        self.sign = ["cert", "sign", "demo", "--profile", "operator", "--ttl", "1h", "--csr"]

    def test_pem_der_stdin(self):
        for where, options in ((self.csr, {}), (self.der, {}), ("-", {"input": self.csr.read_text()})):
            done = self.poterne.run(*self.sign, where, **options)
            self.assertTrue(done.stdout.startswith("-----BEGIN CERTIFICATE-----\n"), done.stdout)
            self.assertEqual(done.stderr, "")
        older = self.csr.read_text().replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
        self.poterne.run(*self.sign, "-", input=older)

    def test_out(self):
        out = self.folder / "bob.crt"
        self.poterne.run(*self.sign, self.csr, "--out", out)
        self.assertEqual(stat.S_IMODE(out.stat().st_mode), 0o644)
        self.poterne.run(*self.sign, self.csr, "--out", out)
        self.ends(CONFLICT, *self.sign, self.csr, "--out", self.folder / "bob.key")
        self.assertIn("PRIVATE KEY", (self.folder / "bob.key").read_text())

    def test_wrong(self):
        self.ends(NOT_FOUND, *self.sign, self.folder / "nope")
        done = self.ends(USAGE, *self.sign, self.folder / "bob.key")
        self.assertIn("bob.key", done.stderr)
        done = self.ends(USAGE, *self.sign, "-", input="")
        self.assertIn("stdin", done.stderr)
        self.ends(FAILED, *self.sign, "-", input="x" * 70000)


class Audit(Case):
    def test_head_kept_elsewhere(self):
        self.create()
        head = self.folder / "head.json"
        head.write_text(self.poterne.run("audit", "head").stdout)
        self.assertEqual(head.read_text().count("\n"), 1)
        self.create("more")
        self.ends(0, "audit", "verify", "--from-head", head)
        only = self.folder / "only.json"
        only.write_text(json.dumps(json.loads(head.read_text())["head"]))
        self.ends(0, "audit", "verify", "--from-head", only)
        shutil.rmtree(self.poterne.state)
        self.create()
        done = self.ends(FAULT, "audit", "verify", "--from-head", head)
        self.assertIn("Fault", done.stdout)
        self.assertNotIn("whole", done.stderr)
        only.write_text("{}")
        done = self.ends(USAGE, "audit", "verify", "--from-head", only)
        self.assertIn("poterne audit head", done.stderr)

    def test_export_is_lines(self):
        self.create()
        lines = self.poterne.run("audit", "export", "-o", "json").stdout.splitlines()
        self.assertEqual(json.loads(lines[0])["type"], "audit-export")
        records = [json.loads(json.loads(line)["bytes"]) for line in lines if json.loads(line)["type"] == "record"]
        self.assertEqual([r["seq"] for r in records], list(range(1, len(records) + 1)))

    def test_root_is_the_actor_on_anothers_directory(self):
        need(os.geteuid() == 0, "needs root")
        self.folder.chmod(0o755)
        self.poterne.state.mkdir(0o700)
        os.chown(self.poterne.state, 65534, 65534)
        self.create()
        self.assertEqual((self.poterne.state / "store.db").stat().st_uid, 65534)
        self.assertEqual({r["actor"] for r in self.json("audit", "list")["items"]}, {"local:root"})


# ---- golden shapes of JSON ----

PATTERNS = (
    ("TIME", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ("PEM", r"-----BEGIN [A-Z ]+-----\n[\s\S]*"),
    ("HEX", r"[0-9a-f]{32,64}"),
    ("UID", r"[0-9a-hjkmnp-tv-z]{26}"),
)


def shape(value):
    """What a script may rely on: members and their types. Elements of a list are laid over each other."""
    if isinstance(value, dict):
        return {key: value[key] if key in ("apiVersion", "kind") else shape(value[key]) for key in value}
    if isinstance(value, list):
        merged = None
        for element in map(shape, value):
            merged = lay_over(merged, element)
        return [] if merged is None else [merged]
    if isinstance(value, bool) or value is None:
        return "BOOL" if value is not None else None
    if isinstance(value, int):
        return "NUMBER"
    return next((name for name, pattern in PATTERNS if re.fullmatch(pattern, value)), "TEXT")


def lay_over(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return {key: lay_over(a.get(key), b.get(key)) for key in [*a, *(key for key in b if key not in a)]}
    if isinstance(a, list) and isinstance(b, list):
        return a if not b else b if not a else [lay_over(a[0], b[0])]
    return b if a is None else a if b is None or a == b else "TEXT"


class Shapes(Case):
    """test/golden/json: what -o json prints, as far as scripts may rely on it. Members are only ever added."""

    def compare(self, name, value):
        text = json.dumps(shape(value), indent=2) + "\n"
        path = GOLDEN / f"{name}.json"
        if os.environ.get("POTERNE_GOLDEN") == "write":
            path.write_text(text)
        self.assertTrue(path.exists(), f"{path} is missing: POTERNE_GOLDEN=write makes it")
        self.assertEqual(text, path.read_text(), f"{path}: POTERNE_GOLDEN=write takes it over")

    def test_shapes(self):
        run, out, conf = self.json, self.folder / "cp1", self.folder / "a.conf"
        create = ["cluster", "create", "demo", "--endpoint", "10.0.0.1:6443", "--control-plane", "cp1=10.0.0.1,cp1.example",
                  "--worker", "w1=10.0.0.2", "--san", "api.example", "--subject", "C=CH,O=Example"]
        self.compare("cluster-create", run(*create))
        self.compare("cluster-list", run("cluster", "list"))
        self.compare("cluster-show", run("cluster", "show", "demo"))
        self.compare("cluster-export", run("cluster", "export", "demo", "--machine", "cp1", "--layout", "kubeadm", "--out", out))
        self.compare("cluster-adopt", run("cluster", "adopt", "old", "--from", out, "--layout", "kubeadm"))
        self.compare("authority-list", run("authority", "list", "demo"))
        self.compare("authority-show", run("authority", "show", "demo", "etcd"))
        self.compare("kubeconfig-issue", run("kubeconfig", "issue", "demo", "alice", "--group", "dev", "--out", conf))
        self.compare("kubeconfig-list", run("kubeconfig", "list", "demo"))
        self.compare("cert-list", run("cert", "list", "demo"))
        self.compare("cert-show", run("cert", "show", self.poterne.run("cert", "list", "demo", "-o", "name").stdout.split()[0]))
        self.compare("cert-show-file", run("cert", "show", out / "pki" / "apiserver.crt"))
        self.compare("cert-check", run("cert", "check", out))
        self.compare("profile-list", run("profile", "list"))
        self.compare("audit-list", run("audit", "list"))
        self.compare("audit-head", run("audit", "head"))
        self.compare("audit-verify", run("audit", "verify"))
        self.compare("audit-prune", run("audit", "prune", "--before", "1s", "--yes"))
        self.compare("state-check", run("state", "check"))
        self.compare("key-rotate-root", run("key", "rotate-root", "--reseal"))
        self.compare("cluster-delete", run("cluster", "delete", "old", "--yes"))
        self.compare("version", run("version"))
        self.backup()
        self.problem()

    def backup(self):
        phrase, cms = self.folder / "phrase", self.folder / "b.cms"
        phrase.write_text("correct horse battery staple\n")
        phrase.chmod(0o600)
        self.compare("state-backup", self.json("state", "backup", cms, "--passphrase-file", phrase))
        self.compare("state-restore-list", self.json("state", "restore", cms, "--passphrase-file", phrase, "--list"))

    def problem(self):
        done = self.ends(NOT_FOUND, "cluster", "show", "nope", "-o", "json")
        self.compare("problem", json.loads(done.stderr))

    def test_none_is_left_over(self):
        named = set(re.findall(r'self\.compare\("([a-z-]+)"', Path(__file__).read_text()))
        self.assertEqual({path.stem for path in GOLDEN.glob("*.json")}, named)


class Description(Case):
    def test_openapi(self):
        api = json.loads(self.run_bare("api", "describe").stdout)
        self.assertEqual(api["openapi"], "3.1.0")
        operations = [op for path in api["paths"].values() for op in path.values()]
        ids = [op["operationId"] for op in operations]
        self.assertEqual(len(ids), len(set(ids)))
        for op in operations:
            self.assertNotEqual(op["x-poterne-right"], "none")
            for response in op["responses"].values():
                for content in response["content"].values():
                    if "$ref" not in content["schema"]:  # text, or a document of its own
                        self.assertIn(content["schema"]["type"], ("string", "object"))
                        continue
                    name = content["schema"]["$ref"].removeprefix("#/components/schemas/")
                    self.assertIn(name, api["components"]["schemas"])
        for path, methods in api["paths"].items():
            wanted = set(re.findall(r"{(\w+)}", path))
            for op in methods.values():
                self.assertEqual({p["name"] for p in op["parameters"] if p["in"] == "path"}, wanted, path)


# ---- shells and manual pages ----

BASH = """
source <("$1" completion bash); shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _poterne; printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -U compinit; compinit -u -D; source "$SCRIPT"; bindkey "^I" complete-word; PROMPT=pro""mpt:'
zpty -r -m shell line '*prompt:*'
zpty -w -n shell "$1"$'\\t'
zpty -w -n shell $'\\x05 E''ND'
zpty -r -m shell line '*END*'
print -r -- "$line"
zpty -d shell
"""


class Shells(Case):
    cases = (
        (["cluster", "sh"], ["show"]),
        (["cluster", "show", ""], ["demo"]),
        (["cluster", "export", "demo", "--machine", "w"], ["w1"]),
        (["authority", "show", "demo", "op"], ["operators"]),
        (["cluster", "export", "demo", "--layout", "k"], ["kubeadm"]),
        (["cluster", "export", "demo", "--lay"], ["--layout"]),
        (["cert", "check", str(SOURCE / "LIC")], [str(SOURCE / "LICENSE")]),
        (["cluster", "adopt", "x", "--from", str(SOURCE / "sr")], [str(SOURCE / "src")]),
    )

    def setUp(self):
        super().setUp()
        self.create("demo", "--worker", "w1=10.0.0.9")
        self.env = {**os.environ, "POTERNE_STATE": str(self.poterne.state),
                    "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}"}
        self.assertEqual(Path(PROGRAM).name, "poterne")

    def script(self, shell):
        need(shutil.which(shell), f"needs {shell}")
        script = self.folder / f"script.{shell}"
        script.write_text(self.run_bare("completion", shell).stdout)
        done = subprocess.run([shell, "-n", script], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        return script

    def test_bash(self):
        self.script("bash")
        for words, want in (*self.cases, (["cluster", "export", "demo", "--layout", "=", "k"], ["kubeadm"])):
            done = subprocess.run(["bash", "-c", BASH, "bash", PROGRAM, "poterne", *words], env=self.env, text=True,
                                  capture_output=True)
            self.assertEqual((done.stdout.split("\n")[:-1], done.stderr), (want, ""), words)

    def test_fish(self):
        script = self.script("fish")
        env = {**self.env, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        for words, want in (*self.cases, (["cluster", "export", "demo", "--layout=k"], ["--layout=kubeadm"])):
            line = " ".join(["poterne", *words])
            done = subprocess.run(["fish", "-c", f"source {script}; complete -C '{line}'"], env=env, text=True,
                                  capture_output=True)
            offered = [row.split("\t")[0].rstrip("/") for row in done.stdout.splitlines()]
            self.assertEqual((offered, done.stderr), (want, ""), words)

    def test_zsh(self):
        script = self.script("zsh")
        for words, want in (*self.cases, (["cluster", "export", "demo", "--layout=k"], ["--layout=kubeadm"])):
            line = " ".join(["poterne", *words])
            done = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", line], text=True, capture_output=True, timeout=60,
                                  env={**self.env, "SCRIPT": str(script), "HOME": str(self.folder), "TERM": "xterm"})
            shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x07]|.\x08", "", done.stdout)
            self.assertIn(" ".join(["poterne", *words[:-1], *want]), shown, done.stdout + done.stderr)

    def test_state_is_not_made(self):
        done = self.run_bare("__complete", "--", "cluster", "show", "", env={"POTERNE_STATE": str(self.folder / "none")})
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertFalse((self.folder / "none").exists())


class ManualPages(Case):
    def test_pages(self):
        need(shutil.which("man") and shutil.which("groff"), "needs man-db and groff")
        pages = self.folder / "man1"
        self.assertEqual(self.run_bare("man", "--all", pages).returncode, 0)
        self.assertTrue((pages / "poterne.1").exists())
        self.assertTrue((pages / "poterne-cluster-create.1").exists())
        env = {**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
        for page in sorted(pages.iterdir()):
            done = subprocess.run(["man", "--warnings", "-l", "-Tutf8", page], capture_output=True, text=True, env=env)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
        shown = subprocess.run(["man", "-l", "-Tascii", pages / "poterne-kubeconfig-issue.1"], capture_output=True, text=True,
                               env=env).stdout
        self.assertIn("kubectl --kubeconfig alice.conf auth whoami", re.sub(r".\x08", "", re.sub(r"\x1b\[[0-9;]*m", "", shown)))

    def test_one(self):
        self.assertRegex(self.run_bare("man", "cert", "check").stdout, r"^\.TH POTERNE-CERT-CHECK 1 ")
        self.assertEqual(self.run_bare("man", "crt").returncode, USAGE)


if __name__ == "__main__":
    main()
