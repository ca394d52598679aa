#include "cli/nouns.h"

/* clang-format off */
static const struct positional person[] = {
    { .name = "CLUSTER", .json = "cluster", .complete = "cluster", .help = "name of the cluster" },
    { .name = "USER", .json = "user", .help = "who it is for: the user name that Kubernetes sees" },
    { 0 },
};

#define GROUP \
    { .name = "group", .json = "groups", .type = OPTION_TEXT, .repeated = true, .value = "GROUP", \
      .help = "a group of the user; RBAC says what it may" }
#define TTL(usual, text) \
    { .name = "ttl", .json = "ttl", .type = OPTION_DURATION, .value = "DURATION", .otherwise = (usual), .help = (text) }
#define PRIVILEGED \
    { .name = "privileged", .json = "privileged", .type = OPTION_FLAG, \
      .help = "allow the groups system:masters and kubeadm:cluster-admins; this is recorded" }

static const struct option issue_options[] = {
    GROUP,
    TTL("8h", "life of the certificate; with --exec, of each that is fetched (there 1h)"),
    { .name = "out", .json = "out", .type = OPTION_FILE, .value = "FILE", .otherwise = "stdout",
      .help = "where to write it, for its owner alone" },
    { .name = "exec", .json = "exec", .type = OPTION_FLAG,
      .help = "hold no key: kubectl runs poterne for a short-lived certificate when it needs one" },
    { .name = "server", .json = "server", .type = OPTION_TEXT, .value = "URL", .otherwise = "the cluster's endpoint",
      .help = "where kubectl finds the API server" },
    PRIVILEGED,
    { .name = "force", .json = "force", .type = OPTION_FLAG,
      .help = "replace FILE even if it is not a kubeconfig of this user and cluster" },
    { 0 },
};
static const struct option credential_options[] = {
    GROUP,
    TTL("1h", "life of the certificate"),
    PRIVILEGED,
    { 0 },
};

static const struct column issued_fields[] = {
    { "Cluster",   "cluster",   COLUMN_TEXT, false },
    { "User",      "user",      COLUMN_TEXT, false },
    { "Groups",    "groups",    COLUMN_LIST, false },
    { "Server",    "server",    COLUMN_TEXT, false },
    { "Serial",    "serial",    COLUMN_TEXT, false },
    { "Not after", "not_after", COLUMN_TIME, false },
    { "File",      "out",       COLUMN_TEXT, false },
    { 0 },
};
static const struct column list_columns[] = {
    { "USER",       "user",       COLUMN_TEXT,      false },
    { "GROUPS",     "groups",     COLUMN_LIST,      false },
    { "EXPIRES",    "not_after",  COLUMN_TIME_LEFT, false },
    { "STATUS",     "status",     COLUMN_TEXT,      false },
    { "SERIAL",     "serial",     COLUMN_TEXT,      false },
    { "PROFILE",    "profile",    COLUMN_TEXT,      true  },
    { "PRIVILEGED", "privileged", COLUMN_BOOL,      true  },
    { "NOT BEFORE", "not_before", COLUMN_TIME,      true  },
    { "NOT AFTER",  "not_after",  COLUMN_TIME,      true  },
    { 0 },
};

const struct command kubeconfig_commands[] = {
    { .noun = "kubeconfig", .verb = "issue", .summary = "access for a person",
      .details =
          "Makes a key, has its certificate signed by the operators' authority, and prints a kubeconfig with both, or "
          "writes it to --out. The key is kept nowhere else.\n\n"
          "Users and groups that begin with 'system:' or 'kubeadm:' belong to Kubernetes and are refused; "
          "system:masters and kubeadm:cluster-admins can be had with --privileged.\n\n"
          "With --exec the kubeconfig holds no key. Whenever kubectl needs a certificate it runs 'poterne kubeconfig "
          "credential' on that machine, which must reach the state directory.",
      .example = "poterne kubeconfig issue demo alice --group developers --ttl 8h --out alice.conf\n"
                 "kubectl --kubeconfig alice.conf auth whoami",
      .positional = person, .options = issue_options, .local = client_kubeconfig_issue, .kind = "Kubeconfig",
      .identity = "user", .fields = issued_fields, .done = "kubeconfig of {user} for cluster {cluster} written to {out}" },
    { .noun = "kubeconfig", .verb = "list", .summary = "who holds what, until when",
      .positional = cluster_positional, .method = HTTP_GET, .path = "/v1/clusters/{cluster}/kubeconfigs",
      .identity = "serial", .items = "items", .columns = list_columns, .empty = "no kubeconfigs" },
    { .noun = "kubeconfig", .verb = "credential", .summary = "a short-lived certificate for kubectl (exec plugin)",
      .details = "Prints an ExecCredential (client.authentication.k8s.io/v1) with a new key and its certificate. "
                 "kubeconfigs that were issued with --exec call it; people need not.",
      .positional = person, .options = credential_options, .local = client_kubeconfig_credential,
      .kind = "ExecCredential", .fields = issued_fields },
    { 0 },
};
/* clang-format on */
