#include "cli/nouns.h"

#define KEY_TYPES "p256|p384|ed25519|rsa2048|rsa3072|rsa4096"

/* clang-format off */
const struct positional cluster_positional[] = {
    { .name = "CLUSTER", .json = "cluster", .complete = "cluster", .help = "name of the cluster" },
    { 0 },
};

static const struct positional new_name[] = {
    { .name = "NAME", .json = "name", .help = "name of the new cluster: letters a-z, digits and '-', at most 63" },
    { 0 },
};
static const struct positional old_name[] = {
    { .name = "NAME", .json = "cluster", .complete = "cluster", .help = "name of the cluster" },
    { 0 },
};

static const struct option create_options[] = {
    { .name = "endpoint", .json = "endpoint", .type = OPTION_TEXT, .required = true, .value = "HOST:PORT",
      .help = "where everybody reaches the API server: a load balancer, or the only machine" },
    { .name = "control-plane", .json = "control_plane", .type = OPTION_TEXT, .required = true, .repeated = true,
      .value = "MACHINE=ADDR[,ADDR|NAME...]",
      .help = "a machine of the control plane; it listens on the first address" },
    { .name = "etcd", .json = "etcd", .type = OPTION_TEXT, .repeated = true, .value = "MACHINE=ADDR[,ADDR|NAME...]",
      .otherwise = "the control-plane machines", .help = "a machine that runs etcd" },
    { .name = "worker", .json = "workers", .type = OPTION_TEXT, .repeated = true, .value = "MACHINE=ADDR[,ADDR|NAME...]",
      .help = "a machine for workloads" },
    { .name = "service-cidr", .json = "service_cidr", .type = OPTION_TEXT, .value = "CIDR[,CIDR]",
      .otherwise = "10.96.0.0/12", .help = "network of the services; two for dual-stack" },
    { .name = "dns-domain", .json = "dns_domain", .type = OPTION_TEXT, .value = "DOMAIN",
      .otherwise = "cluster.local", .help = "domain of the services" },
    { .name = "san", .json = "sans", .type = OPTION_TEXT, .repeated = true, .value = "NAME|ADDR",
      .help = "one more name or address of the API server" },
    { .name = "key-type", .json = "key_type", .type = OPTION_CHOICE, .value = "TYPE", .choices = KEY_TYPES,
      .otherwise = "p256", .help = "keys of the authorities and of what they sign" },
    { .name = "subject", .json = "subject", .type = OPTION_TEXT, .value = "C=..,ST=..,L=..,O=..,OU=..",
      .help = "goes into every subject; O into those of the authorities only, since in a leaf it is a group" },
    { .name = "authority-ttl", .json = "authority_ttl", .type = OPTION_DURATION, .value = "DURATION",
      .otherwise = "10y", .help = "life of the authorities" },
    { .name = "leaf-ttl", .json = "leaf_ttl", .type = OPTION_DURATION, .value = "DURATION",
      .otherwise = "1y", .help = "life of the machines' certificates" },
    { .name = "operator-max-ttl", .json = "operator_max_ttl", .type = OPTION_DURATION, .value = "DURATION",
      .otherwise = "366d", .help = "longest life of a person's certificate" },
    { .name = "service-account-issuer", .json = "service_account_issuer", .type = OPTION_TEXT, .value = "URL",
      .otherwise = "https://kubernetes.default.svc.DOMAIN", .help = "issuer in the tokens of service accounts" },
    { .name = "service-account-key-type", .json = "service_account_key_type", .type = OPTION_CHOICE, .value = "TYPE",
      .choices = "rsa2048|rsa3072|rsa4096|p256", .otherwise = "rsa2048",
      .help = "key that signs the tokens of service accounts" },
    { 0 },
};

static const struct option adopt_options[] = {
    { .name = "from", .json = "from", .type = OPTION_FOLDER, .required = true, .value = "DIR",
      .help = "folder as a machine of that layout has it: /etc/kubernetes, /var/lib/rancher/k3s/server/tls" },
    { .name = "layout", .json = "layout", .type = OPTION_CHOICE, .required = true, .value = "LAYOUT",
      .choices = "kubeadm|k3s", .help = "whose names the files have" },
    { 0 },
};

static const struct option export_options[] = {
    { .name = "machine", .json = "machine", .type = OPTION_TEXT, .required = true, .value = "MACHINE",
      .complete = "machine", .help = "for which machine" },
    { .name = "layout", .json = "layout", .type = OPTION_CHOICE, .required = true, .value = "LAYOUT",
      .choices = "kubeadm|systemd", .help = "kubeadm's names and a kubeadm.yaml, or flags and unit files" },
    { .name = "out", .json = "out", .type = OPTION_FOLDER, .required = true, .value = "DIR",
      .help = "where the files are written" },
    { .name = "prefix", .json = "prefix", .type = OPTION_TEXT, .value = "PATH", .otherwise = "/etc/kubernetes",
      .complete = "folder", .help = "where DIR will be on the machine: files name each other by that path" },
    { .name = "dry-run", .json = "dry_run", .type = OPTION_FLAG, .help = "say what would change, and change nothing" },
    { .name = "force", .json = "force", .type = OPTION_FLAG,
      .help = "overwrite files that others wrote or changed" },
    { 0 },
};

static const struct column list_columns[] = {
    { "NAME",       "name",         COLUMN_TEXT,  false },
    { "ENDPOINT",   "endpoint",     COLUMN_TEXT,  false },
    { "MACHINES",   "machines",     COLUMN_COUNT, false },
    { "KEYS",       "key_type",     COLUMN_TEXT,  false },
    { "CREATED",    "created",      COLUMN_TIME,  false },
    { "SERVICES",   "service_cidr", COLUMN_TEXT,  true  },
    { "DNS DOMAIN", "dns_domain",   COLUMN_TEXT,  true  },
    { "ADOPTED",    "adopted",      COLUMN_TEXT,  true  },
    { "UID",        "uid",          COLUMN_TEXT,  true  },
    { 0 },
};
static const struct column cluster_fields[] = {
    { "Name",                     "name",                     COLUMN_TEXT, false },
    { "Endpoint",                 "endpoint",                 COLUMN_TEXT, false },
    { "Other names",              "sans",                     COLUMN_LIST, false },
    { "Services",                 "service_cidr",             COLUMN_TEXT, false },
    { "DNS domain",               "dns_domain",               COLUMN_TEXT, false },
    { "Subject",                  "subject",                  COLUMN_TEXT, false },
    { "Keys",                     "key_type",                 COLUMN_TEXT, false },
    { "Life of authorities",      "authority_ttl",            COLUMN_TEXT, false },
    { "Life of certificates",     "leaf_ttl",                 COLUMN_TEXT, false },
    { "Longest life of people's", "operator_max_ttl",         COLUMN_TEXT, false },
    { "Service-account issuer",   "service_account_issuer",   COLUMN_TEXT, false },
    { "Service-account key",      "service_account_key_type", COLUMN_TEXT, false },
    { "Adopted from",             "adopted",                  COLUMN_TEXT, false },
    { "Created",                  "created",                  COLUMN_TIME, false },
    { "UID",                      "uid",                      COLUMN_TEXT, true  },
    { "Revision",                 "revision",                 COLUMN_TEXT, true  },
    { 0 },
};
static const struct column machine_columns[] = {
    { "MACHINE",   "name",      COLUMN_TEXT, false },
    { "ROLES",     "roles",     COLUMN_LIST, false },
    { "ADDRESSES", "addresses", COLUMN_LIST, false },
    { "NAMES",     "dns",       COLUMN_LIST, false },
    { 0 },
};
static const struct column export_fields[] = {
    { "Cluster", "cluster", COLUMN_TEXT, true },
    { "Machine", "machine", COLUMN_TEXT, true },
    { "Folder",  "out",     COLUMN_TEXT, true },
    { "Prefix",  "prefix",  COLUMN_TEXT, true },
    { 0 },
};
static const struct column export_columns[] = {
    { "FILE",   "path",   COLUMN_TEXT, false },
    { "MODE",   "mode",   COLUMN_TEXT, false },
    { "ACTION", "action", COLUMN_TEXT, false },
    { "REASON", "reason", COLUMN_TEXT, false },
    { 0 },
};
static const struct column adopted_columns[] = {
    { "AUTHORITY", "name",      COLUMN_TEXT,      false },
    { "CUSTODY",   "custody",   COLUMN_TEXT,      false },
    { "EXPIRES",   "not_after", COLUMN_TIME_LEFT, false },
    { "FILE",      "path",      COLUMN_TEXT,      false },
    { "SUBJECT",   "subject",   COLUMN_TEXT,      false },
    { 0 },
};
static const struct column leaf_columns[] = {
    { "FILE",      "path",      COLUMN_TEXT,      false },
    { "AUTHORITY", "authority", COLUMN_TEXT,      false },
    { "EXPIRES",   "not_after", COLUMN_TIME_LEFT, false },
    { "SUBJECT",   "subject",   COLUMN_TEXT,      false },
    { "SERIAL",    "serial",    COLUMN_TEXT,      true  },
    { 0 },
};
static const struct column finding_columns[] = {
    { "LEVEL",   "level", COLUMN_TEXT, false },
    { "FILE",    "path",  COLUMN_TEXT, false },
    { "FINDING", "text",  COLUMN_TEXT, false },
    { 0 },
};
static const struct section adopted_sections[] = {
    { "items",    leaf_columns },
    { "findings", finding_columns },
    { 0 },
};
static const struct column status_fields[] = {
    { "Rollout",     "rollout",         COLUMN_TEXT, false },
    { "On machine",  "rollout_machine", COLUMN_TEXT, false },
    { "Because",     "rollout_reason",  COLUMN_TEXT, false },
    { "Machines",    "machines",        COLUMN_TEXT, false },
    { "Failed",      "failed",          COLUMN_TEXT, true  },
    { "Stale",       "stale",           COLUMN_TEXT, true  },
    { "Waiting",     "waiting",         COLUMN_TEXT, true  },
    { "Silent",      "silent",          COLUMN_TEXT, true  },
    { "Current",     "current",         COLUMN_TEXT, true  },
    { 0 },
};
static const struct column status_columns[] = {
    { "MACHINE",   "machine",   COLUMN_TEXT,      false },
    { "COMPONENT", "component", COLUMN_TEXT,      false },
    { "FILE",      "path",      COLUMN_TEXT,      false },
    { "STATE",     "state",     COLUMN_TEXT,      false },
    { "WANTED",    "wanted",    COLUMN_TEXT,      true  },
    { "INSTALLED", "installed", COLUMN_TEXT,      true  },
    { "LOADED",    "loaded",    COLUMN_TEXT,      true  },
    { "SINCE",     "since",     COLUMN_TIME,      false },
    { "RENEWS",    "renews",    COLUMN_TIME_LEFT, false },
    { "ERROR",     "error",     COLUMN_TEXT,      false },
    { 0 },
};
/* Silent but for the line that says it is done: with -o json the whole cluster. */
static const struct column no_fields[] = { { 0 } };

const struct command cluster_commands[] = {
    { .noun = "cluster", .verb = "create", .summary = "make a cluster: its machines and five authorities",
      .details =
          "Makes the five authorities of a cluster (etcd, control-plane, operators, kubelet, aggregation), each with "
          "a key of its own, and the key that signs the tokens of its service accounts. Nothing is written but the "
          "state directory: 'poterne cluster export' writes what a machine needs.\n\n"
          "The same command again changes nothing. Other arguments for a name that is taken end with exit code 4 and "
          "a list of what differs.",
      .example = "# one machine for everything\n"
                 "poterne cluster create demo --endpoint 127.0.0.1:6443 --control-plane cp1=127.0.0.1\n"
                 "# three machines behind a load balancer, and a worker\n"
                 "poterne cluster create prod --endpoint api.example.com:6443 \\\n"
                 "    --control-plane cp1=10.0.0.1 --control-plane cp2=10.0.0.2 --control-plane cp3=10.0.0.3 \\\n"
                 "    --worker w1=10.0.0.11,w1.example.com",
      .positional = new_name, .options = create_options, .method = HTTP_POST, .path = "/v1/clusters",
      .fields = no_fields, .done = "cluster {name} created", .same = "cluster {name} is there already; nothing changed" },
    { .noun = "cluster", .verb = "adopt", .summary = "take in the authorities of a running cluster",
      .details =
          "Reads the CA certificates of a cluster that kubeadm or k3s made, and their keys where they are, and goes on "
          "with them: a CA without a key here has custody 'elsewhere' and can be watched, not used. Certificates "
          "that are found are listed; what is expired or weak is named. Nothing is written below the folder.\n\n"
          "The same command again changes nothing; a key that was elsewhere and is there now is taken in.",
      .example = "poterne cluster adopt old --from /etc/kubernetes --layout kubeadm",
      .positional = new_name, .options = adopt_options, .local = client_adopt, .kind = "Adoption",
      .fields = no_fields, .items = "authorities", .columns = adopted_columns, .more = adopted_sections,
      .done = "cluster {name} adopted", .same = "cluster {name} is there already; nothing changed" },
    { .noun = "cluster", .verb = "list", .summary = "all clusters",
      .method = HTTP_GET, .path = "/v1/clusters", .watched = true, .items = "items", .columns = list_columns, .empty = "no clusters" },
    { .noun = "cluster", .verb = "show", .summary = "one cluster and its machines",
      .positional = old_name, .method = HTTP_GET, .path = "/v1/clusters/{cluster}",
      .fields = cluster_fields, .items = "machines", .columns = machine_columns },
    { .noun = "cluster", .verb = "status", .summary = "what each machine's components have loaded",
      .details = "A line a machine and file: what it was to have, what is installed, what its process was seen to use, and "
                 "when it is renewed. What is behind comes first.",
      .positional = old_name, .method = HTTP_GET, .path = "/v1/clusters/{cluster}/status", .identity = "rollout",
      .fields = status_fields, .items = "items", .columns = status_columns },
    { .noun = "cluster", .verb = "delete", .summary = "delete a cluster and its keys for good",
      .details =
          "The keys of its authorities are destroyed: no certificate can be issued for the cluster any more, and what "
          "was issued stays valid until it expires. Backups that were made before keep them.",
      .positional = old_name, .method = HTTP_DELETE, .path = "/v1/clusters/{cluster}", .fields = no_fields,
      .destroys = "cluster '{cluster}': the keys of its authorities and the record of its certificates",
      .confirm = "cluster", .done = "cluster {name} deleted, with {records} records" },
    { .noun = "cluster", .verb = "export", .summary = "write what a machine of the cluster needs",
      .details =
          "Writes keys, certificates, kubeconfigs, flags and, by layout, unit files or a kubeadm.yaml. DIR is meant to "
          "become the machine's /etc/kubernetes (or what --prefix says). The machine's keys are made here, and are "
          "kept nowhere else; the keys of authorities are never written.\n\n"
          "A second run keeps each pair that is still good and touches only what changed. A file that was not written "
          "by poterne, or was changed since, is left alone: then nothing is written and the exit code is 4. What an "
          "earlier export wrote to DIR and this one has no use for, for instance of another layout, is removed.",
      .example = "poterne cluster export demo --machine cp1 --layout kubeadm --out /etc/kubernetes\n"
                 "# for another machine, to be copied there\n"
                 "poterne cluster export demo --machine w1 --layout systemd --out w1",
      .positional = old_name, .options = export_options, .local = client_export, .kind = "Export",
      .identity = "out", .fields = export_fields, .items = "items", .columns = export_columns, .skip = "action=unchanged",
      .done = "{out}: {created} created, {updated} updated, {unchanged} unchanged, {removed} removed",
      .would = "{out}: would create {created}, update {updated}, remove {removed}, leave {unchanged} as they are" },
    { 0 },
};
/* clang-format on */
