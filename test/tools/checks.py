#!/usr/bin/env python3
"""The checks of tools/ refuse what they should: each case is a small tree with one fault, or none."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(os.environ["POTERNE_SOURCE"])

# label, tool, {file: text}, what its output must name; '' means that it must accept the tree
TREES = [
    ("an arrow that the table has", "check-layers",
     {"src/pki/issue.c": '#include "keeper/keeper.h"\n#include <stdio.h>\n#include "pki/issue.h"\n'}, ""),
    ("an arrow that it has not", "check-layers",
     {"src/wire/json.c": '#include "base/err.h"\n#include "store/store.h"\n'},
     "src/wire/json.c:2: wire may not include store"),
    ("an arrow indented and spaced", "check-layers",
     {"src/base/err.c": '  #  include "wire/json.h"\n'}, "src/base/err.c:1: base may not"),
    ("an include relative to the parent", "check-layers",
     {"src/pki/issue.c": '#include "../pki/issue.h"\n'}, "src/pki/issue.c:1:"),
    ("an include without folder", "check-layers",
     {"src/pki/issue.c": '#include "issue.h"\n'}, "names no folder"),
    ("an include of an unknown folder", "check-layers",
     {"src/pki/issue.c": '#include "util/list.h"\n'}, "folder 'util'"),
    ("our own header as the system's", "check-layers",
     {"src/pki/issue.c": "#include <wire/json.h>\n"}, 'write "wire/json.h"'),
    ("an unknown folder", "check-layers", {"src/util/list.c": ""}, "'util' is not in the table"),
    ("a stray file in src", "check-layers", {"src/extra.c": ""}, "'extra.c' is not in the table"),
    ("main.c reaches a part", "check-layers",
     {"src/main.c": '#include "pki/issue.h"\n'}, "main.c may not include pki"),
    ("one part's header that others may use", "check-layers",
     {"src/vault/vault.c": '#include "identity/verify.h"\n'}, ""),
    ("one part's header that others may not", "check-layers",
     {"src/vault/vault.c": '#include "identity/token.h"\n'}, "vault may not include identity"),
    ("a tree without src", "check-layers", {"README": ""}, "no src/"),

    ("a function of 80 lines", "check-size",
     {"src/a.c": "int f(void)\n{\n" + "    g();\n" * 77 + "}\n"}, ""),
    ("a function of 81 lines", "check-size",
     {"src/a.c": "int f(void)\n{\n" + "    g();\n" * 78 + "}\n"}, "81 lines"),
    ("a function with CLEANUP in it", "check-size",
     {"src/a.c": "int f(void)\n{\n    CLEANUP(x) int i = 1;\n" + "    g();\n" * 78 + "}\n"}, "82 lines"),
    ("a table inside a function", "check-size",
     {"src/a.c": "int f(void)\n{\n    // clang-format off\n" + "    { 1 },\n" * 99
                 + "    // clang-format on\n}\n"}, ""),
    ("five parameters", "check-size",
     {"src/a.c": "int f(int a, int b, int (*c)(int, int), int d[2], int e)\n{\n}\n"}, ""),
    ("six parameters", "check-size",
     {"src/a.c": "static int f(int a, int b, int c,\n             int d, int e, int g)\n{\n}\n"},
     "6 parameters"),
    ("six parameters of a library's callback", "check-size",
     {"src/a.c": "/* lib_on_x_callback. Why\n * so. */\nint f(int a, int b, int c, int d, int e, int g)\n{\n}\n"}, ""),
    ("a file of 501 lines", "check-size", {"src/a.h": "/* */\n" * 501}, "501 lines"),
]

JUNIT = '<testsuites><testsuite name="p.p:unit / a">{}</testsuite></testsuites>'
PASSED, FAILED, SKIPPED = ('<testcase name="1">%s</testcase>' % text for text in ("", "<failure />", "<skipped />"))

# label, test cases in the JUnit file, Meson's verdict, closing line
LOGS = [
    ("a log of each kind", PASSED * 3 + SKIPPED * 2, "OK", "3 passed, 0 failed, 2 skipped"),
    ("a failure", PASSED + FAILED, "FAIL", "1 passed, 1 failed, 0 skipped"),
    ("a crash after passes", PASSED, "ERROR", "1 passed, 1 failed, 0 skipped"),
    ("a time-out before any line", "", "TIMEOUT", "0 passed, 1 failed, 0 skipped"),
]


def check_tree(tool, files, want):
    """None when the tool answers as it should, else what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run = subprocess.run([ROOT / "tools" / tool, folder], capture_output=True, text=True)
    output = run.stdout + run.stderr
    good = run.returncode == 1 and want in output if want else run.returncode == 0 and not output
    return None if good else f"exit {run.returncode}: {output.strip() or 'no output'}"


def check_log(cases, verdict, want):
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "testlog.junit.xml")
        log.write_text(JUNIT.format(cases))
        log.with_name("testlog.json").write_text(json.dumps({"name": "p:unit / a", "result": verdict}) + "\n")
        run = subprocess.run([ROOT / "tools/test-summary", log], capture_output=True, text=True)
    good = run.stdout.splitlines()[-1:] == [want] and run.returncode == (" 0 failed" not in want)
    return None if good else f"exit {run.returncode}: {run.stdout}{run.stderr}"


def main():
    number = 0
    for label, *case in TREES + LOGS:
        number += 1
        if case[0] == "check-size" and not shutil.which("ctags"):
            print(f"ok {number} - {label} # SKIP needs universal-ctags")
            continue
        wrong = check_tree(*case) if case[0].startswith("check-") else check_log(*case)
        print(f"{'not ok' if wrong else 'ok'} {number} - {label}")
        if wrong:
            print("# " + wrong.replace("\n", "\n# "))
    print(f"1..{number}")


main()
