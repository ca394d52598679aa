#!/usr/bin/env python3
"""CSR to certificate, P-256: ours in-process, against what OpenSSL allows and against cfssl over HTTP.

usage: bench/issue.py ISSUE CFSSL [REQUESTS]      ISSUE: bench/issue.c

Each is counted by the CPU seconds of the process that signs: certificates for a second of one core, whatever else
the machine does. cfssl also reads HTTP and JSON; ours does not yet, but records and checks more.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

from measure import finish, ratio

KEY = {"key": {"algo": "ecdsa", "size": 256}}
PROFILE = {"signing": {"default": {"usages": ["digital signature", "client auth"], "expiry": "8760h"}}}


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def cfssl_json(cfssl, command, request, folder):
    request = write(f"{folder}/request.json", json.dumps(request))
    done = subprocess.run([cfssl, command, *(["-initca"] if command == "gencert" else []), "-loglevel=4", request],
                          capture_output=True, check=True)
    return json.loads(done.stdout)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port):
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.connect()
            return connection
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("cfssl serve does not answer")


def sign(connection, body, times):
    for _ in range(times):
        connection.request("POST", "/api/v1/cfssl/sign", body, {"Content-Type": "application/json"})
        reply = json.loads(connection.getresponse().read())
        if not reply["success"]:
            sys.exit(f"cfssl: {reply}")


def cfssl_rate(cfssl, requests, folder):
    ca = cfssl_json(cfssl, "gencert", {"CN": "bench", **KEY}, folder)
    csr = cfssl_json(cfssl, "genkey", {"CN": "system:node:w1", "names": [{"O": "system:nodes"}], **KEY}, folder)
    port = free_port()
    server = subprocess.Popen([cfssl, "serve", "-address=127.0.0.1", f"-port={port}", "-loglevel=4",
                               "-ca", write(f"{folder}/ca.pem", ca["cert"]),
                               "-ca-key", write(f"{folder}/ca-key.pem", ca["key"]),
                               "-config", write(f"{folder}/config.json", json.dumps(PROFILE))],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        connection = connect(port)
        body = json.dumps({"certificate_request": csr["csr"]})
        sign(connection, body, requests // 10)
        before = cpu_seconds(server.pid)
        sign(connection, body, requests)
        return requests / (cpu_seconds(server.pid) - before)
    finally:
        server.terminate()
        server.wait()


def our_rates(program, folder):
    done = subprocess.run([program, folder], stdout=subprocess.PIPE, check=True)
    return map(float, done.stdout.split())


def main():
    program, cfssl = (os.path.abspath(p) for p in sys.argv[1:3])
    requests = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
    with tempfile.TemporaryDirectory(prefix="poterne-bench-") as folder:
        ours, raw = our_rates(program, f"{folder}/state")
        ratio("CSR to certificate against OpenSSL alone", ours, raw, "/s", 0.85, at_least=True)
        ratio("CSR to certificate against cfssl over HTTP", ours, cfssl_rate(cfssl, requests, folder), "/s", 3,
              at_least=True)
    finish()


if __name__ == "__main__":
    main()
