"""An aggregated API server: Kubernetes' own sample-apiserver, whose authentication and authorization are the library
that metrics-server and every other extension uses. Its one resource is wardle.example.com/v1alpha1 flunders."""
import base64
import json

NAMESPACE, SERVICE, PORT = "wardle", "api", 4443
SERVER_NAME = f"{SERVICE}.{NAMESPACE}.svc"  # which its serving certificate must have as a SAN


def start_sample_apiserver(machine, kubeconfig, api_server_flags, *flags):
    """Starts it beside an API server, in whose etcd it keeps its objects. With `kubeconfig` it asks that API server
    whom to trust (ConfigMap extension-apiserver-authentication) and who may do what."""
    etcd = [flag for flag in api_server_flags if flag.startswith("--etcd-")]
    asks = [f"--{prefix}kubeconfig={kubeconfig}" for prefix in ("", "authentication-", "authorization-")]
    return machine.component("sample-apiserver", [*etcd, *asks, f"--secure-port={PORT}", *flags])


def registration(machine, ca=None):
    """Manifest that sends the API server to it; `ca` is the PEM that must have signed its serving certificate. An
    ExternalName service needs neither a kube-proxy nor flags on the API server."""
    trust = {"caBundle": base64.b64encode(ca.encode()).decode()} if ca else {"insecureSkipTLSVerify": True}
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE, "namespace": NAMESPACE},
         "spec": {"type": "ExternalName", "externalName": machine.address, "ports": [{"port": PORT}]}},
        {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
         "metadata": {"name": "v1alpha1.wardle.example.com"},
         "spec": {"group": "wardle.example.com", "version": "v1alpha1", "groupPriorityMinimum": 1000,
                  "versionPriority": 15, "service": {"namespace": NAMESPACE, "name": SERVICE, "port": PORT}, **trust}},
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
