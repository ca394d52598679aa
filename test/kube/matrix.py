"""The isolation matrix: what becomes of a client certificate of each flow at each real server.

Each outcome is one of
    handshake      refused by TLS: etcd alone does
    401            the server knows nobody by that certificate
    403 NAME       authenticated as NAME, who may not (without a binding of yours)
    200 NAME       authenticated as NAME, and let in

The table is shown in docs/isolation.md: test_matrix.py compares the two, and both with real servers.
"""

FLOWS = {  # row: (profile or kubeconfig of the certificate, its user)
    "etcd": "apiserver-etcd-client",
    "control-plane": "apiserver-kubelet-client",
    "operators": "jane",
    "kubelet": "kubelet of w1",
    "aggregation": "front-proxy-client",
}
SERVERS = ("etcd", "API server", "kubelet", "aggregated API", "controller manager")

MATRIX = {
    "etcd": ("200 anybody", "401", "401", "401", "401"),
    "control-plane": ("handshake", "403 kube-apiserver-kubelet-client", "200 kube-apiserver-kubelet-client",
                      "403 kube-apiserver-kubelet-client", "403 kube-apiserver-kubelet-client"),
    "operators": ("handshake", "403 jane", "401", "403 jane", "403 jane"),
    "kubelet": ("handshake", "403 system:node:w1", "401", "403 system:node:w1", "403 system:node:w1"),
    "aggregation": ("handshake", "401", "401", "401", "401"),
}

# Beside the 25 cells: (what, server, outcome)
CROSSINGS = (
    ("front-proxy-client, naming jane in X-Remote-User", "API server", "403 jane"),
    ("front-proxy-client, naming jane in X-Remote-User", "aggregated API", "403 jane"),
    ("front-proxy-client, naming jane in X-Remote-User", "controller manager", "403 jane"),
    ("front-proxy-client, naming jane in X-Remote-User", "kubelet", "401"),
    ("front-proxy-client, naming a member of system:masters", "API server", "200 anybody"),
    ("operator jane, naming bob in X-Remote-User", "API server", "403 jane"),
    ("another name of the aggregation authority, naming jane", "API server", "401"),
    ("apiserver's serving certificate as a client", "API server", "401"),
    ("apiserver's serving certificate as a client", "etcd", "handshake"),
    ("kubelet's serving certificate as a client", "API server", "401"),
    ("etcd's server certificate as a client", "etcd", "200 anybody"),
    ("etcd's server certificate as a client", "API server", "401"),
    ("apiserver-etcd-client of another cluster", "etcd", "handshake"),
    ("operator of another cluster", "API server", "401"),
    ("kubelet of another cluster", "API server", "401"),
    ("apiserver-kubelet-client of another cluster", "kubelet", "401"),
    ("an expired operator", "API server", "401"),
    ("an expired apiserver-etcd-client", "etcd", "handshake"),
    ("an operator of an earlier generation that is still trusted", "API server", "403 early"),
    ("an operator of an earlier generation that was withdrawn", "API server", "401"),
)


def table():
    """The matrix as Markdown, for the docs."""
    lines = ["| certificate of | " + " | ".join(SERVERS) + " |", "|---|" + "---|" * len(SERVERS)]
    lines += [f"| {flow} ({FLOWS[flow]}) | " + " | ".join(row) + " |" for flow, row in MATRIX.items()]
    return "\n".join(lines)


def crossings():
    lines = ["| what | at | outcome |", "|---|---|---|"]
    lines += [f"| {what} | {server} | {outcome} |" for what, server, outcome in CROSSINGS]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(), crossings(), sep="\n\n")
