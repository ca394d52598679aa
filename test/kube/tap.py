"""Runs unittest cases and prints TAP version 13, which Meson and people read.

A test file ends with `if __name__ == "__main__": main()`; names on its command line select cases, as unittest does.
"""
import os
import sys
import unittest

__unittest = True  # unittest leaves frames of such modules out of its tracebacks

def need(condition, why):
    """Skips the test unless `condition` holds. In CI what is missing is a fault, since nothing may be left untested."""
    if condition:
        return
    if os.environ.get("CI"):
        raise AssertionError(f"{why} (a failure, because CI is set)")
    raise unittest.SkipTest(why)


class TapResult(unittest.TestResult):
    """Writes one line for each case as it ends, and below a failure its diagnostics."""

    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.count = 0

    def line(self, verdict, test, remark="", details=""):
        self.count += 1
        name = test.id().replace("__main__.", "").replace("#", r"\#")
        print(f"{verdict} {self.count} - {name}{remark}", file=self.stream)
        for detail in details.splitlines():
            print(f"# {detail}", file=self.stream)
        self.stream.flush()

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        self.line("ok", test, f" # SKIP {reason}")

    def addError(self, test, error):
        super().addError(test, error)
        self.line("not ok", test, details=self.errors[-1][1])

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.line("not ok", test, details=self.failures[-1][1])

    def addSubTest(self, test, subtest, error):
        if error is None:
            return
        broken = issubclass(error[0], test.failureException)
        (self.addFailure if broken else self.addError)(subtest, error)

    def addExpectedFailure(self, test, error):
        self.line("not ok", test, " # TODO expected to fail")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line("not ok", test, details="passed, though marked as an expected failure")


def main(module="__main__"):
    """Runs the cases of `module` and exits 0 when some ran and none failed, else 1."""
    tap, sys.stdout = sys.stdout, sys.stderr  # what a test prints must not be taken for TAP
    loader = unittest.defaultTestLoader
    if sys.argv[1:]:
        suite = loader.loadTestsFromNames(sys.argv[1:], sys.modules[module])
    else:
        suite = loader.loadTestsFromModule(sys.modules[module])
    print("TAP version 13", file=tap, flush=True)
    result = TapResult(tap)
    suite.run(result)
    print(f"1..{result.count}", file=tap, flush=True)
    sys.exit(0 if result.count and result.wasSuccessful() else 1)
