#include "cli/nouns.h"

/* clang-format off */
static const struct option sign_options[] = {
    { .name = "profile", .json = "profile", .type = OPTION_TEXT, .required = true, .value = "PROFILE",
      .complete = "profile", .help = "what the certificate may say: see 'poterne profile list'" },
    { .name = "csr", .json = "csr", .type = OPTION_FILE, .required = true, .value = "FILE",
      .help = "the request (PKCS #10), PEM or DER; '-' is stdin" },
    { .name = "ttl", .json = "ttl", .type = OPTION_DURATION, .value = "DURATION", .otherwise = "the profile's",
      .help = "life of the certificate" },
    { .name = "machine", .json = "machine", .type = OPTION_TEXT, .value = "MACHINE", .complete = "machine",
      .otherwise = "the one that the request names", .help = "for which machine of the cluster" },
    { .name = "out", .json = "out", .type = OPTION_FILE, .value = "FILE", .otherwise = "stdout",
      .help = "where to write the certificate" },
    { .name = "privileged", .json = "privileged", .type = OPTION_FLAG,
      .help = "allow the groups system:masters and kubeadm:cluster-admins; this is recorded" },
    { .name = "force", .json = "force", .type = OPTION_FLAG, .help = "replace FILE even if it holds no certificate" },
    { 0 },
};
static const struct positional maybe_cluster[] = {
    { .name = "CLUSTER", .json = "cluster", .optional = true, .complete = "cluster",
      .help = "only those of this cluster" },
    { 0 },
};
static const struct option list_options[] = {
    { .name = "expiring", .json = "expiring", .type = OPTION_DURATION, .value = "DURATION",
      .help = "only those in use that end within that time" },
    { 0 },
};
static const struct positional which[] = {
    { .name = "SERIAL|FILE", .json = "target", .complete = "file",
      .help = "serial number or SHA-256 fingerprint of one on record, or a file" },
    { 0 },
};
static const struct positional targets[] = {
    { .name = "FILE|DIR|HOST:PORT", .json = "targets", .repeated = true, .complete = "file",
      .help = "a file, a folder with all that is in it, or a TLS endpoint" },
    { 0 },
};
static const struct option check_options[] = {
    { .name = "within", .json = "within", .type = OPTION_DURATION, .value = "DURATION", .otherwise = "30d",
      .help = "what ends within that time is expiring" },
    { .name = "ignore", .json = "ignore", .type = OPTION_TEXT, .repeated = true, .value = "CODE",
      .help = "a finding that is known and accepted: its code, as -o json has it" },
    { 0 },
};

static const struct column signed_fields[] = {
    { "Cluster",   "cluster",   COLUMN_TEXT, false },
    { "Profile",   "profile",   COLUMN_TEXT, false },
    { "Authority", "authority", COLUMN_TEXT, false },
    { "Serial",    "serial",    COLUMN_TEXT, false },
    { "Not after", "not_after", COLUMN_TIME, false },
    { "File",      "out",       COLUMN_TEXT, false },
    { 0 },
};
static const struct column list_columns[] = {
    { "EXPIRES",    "not_after",  COLUMN_TIME_LEFT, false },
    { "CLUSTER",    "cluster",    COLUMN_TEXT,      false },
    { "AUTHORITY",  "authority",  COLUMN_TEXT,      false },
    { "PROFILE",    "profile",    COLUMN_TEXT,      false },
    { "MACHINE",    "machine",    COLUMN_TEXT,      false },
    { "USER",       "user",       COLUMN_TEXT,      false },
    { "SERIAL",     "serial",     COLUMN_TEXT,      false },
    { "STATUS",     "status",     COLUMN_TEXT,      true  },
    { "KEY",        "key_type",   COLUMN_TEXT,      true  },
    { "GENERATION", "generation", COLUMN_TEXT,      true  },
    { "NOT BEFORE", "not_before", COLUMN_TIME,      true  },
    { "NOT AFTER",  "not_after",  COLUMN_TIME,      true  },
    { "SUBJECT",    "subject",    COLUMN_TEXT,      true  },
    { "SANS",       "sans",       COLUMN_LIST,      true  },
    { 0 },
};
static const struct column show_fields[] = {
    { "Cluster",     "cluster",                 COLUMN_TEXT,      false },
    { "Authority",   "authority",               COLUMN_TEXT,      false },
    { "Profile",     "profile",                 COLUMN_TEXT,      false },
    { "Machine",     "machine",                 COLUMN_TEXT,      false },
    { "User",        "user",                    COLUMN_TEXT,      false },
    { "Status",      "status",                  COLUMN_TEXT,      false },
    { "Subject",     "x509.subject",            COLUMN_TEXT,      false },
    { "Issuer",      "x509.issuer",             COLUMN_TEXT,      false },
    { "Names",       "x509.sans",               COLUMN_LIST,      false },
    { "Serial",      "x509.serial",             COLUMN_TEXT,      false },
    { "Fingerprint", "x509.fingerprint",        COLUMN_TEXT,      false },
    { "Key",         "x509.key_type",           COLUMN_TEXT,      false },
    { "Signature",   "x509.signature",          COLUMN_TEXT,      false },
    { "Key usage",   "x509.key_usage",          COLUMN_LIST,      false },
    { "Good as",     "x509.extended_key_usage", COLUMN_LIST,      false },
    { "CA",          "x509.ca",                 COLUMN_BOOL,      false },
    { "Not before",  "x509.not_before",         COLUMN_TIME,      false },
    { "Not after",   "x509.not_after",          COLUMN_TIME,      false },
    { "Expires in",  "x509.not_after",          COLUMN_TIME_LEFT, false },
    { 0 },
};
static const struct column check_fields[] = { { 0 } };
static const struct column check_columns[] = {
    { "WHERE",     "where",     COLUMN_TEXT,      false },
    { "SUBJECT",   "subject",   COLUMN_TEXT,      false },
    { "EXPIRES",   "not_after", COLUMN_TIME_LEFT, false },
    { "VERDICT",   "verdict",   COLUMN_TEXT,      false },
    { "FINDINGS",  "summary",   COLUMN_TEXT,      false },
    { "KEY",       "key_type",  COLUMN_TEXT,      true  },
    { "NOT AFTER", "not_after", COLUMN_TIME,      true  },
    { "ISSUER",    "issuer",    COLUMN_TEXT,      true  },
    { "NAMES",     "sans",      COLUMN_LIST,      true  },
    { 0 },
};

const struct command cert_commands[] = {
    { .noun = "cert", .verb = "sign", .summary = "sign the request of a client whose key never leaves it",
      .details =
          "The subject and names of the request are compared with what the profile allows; none is copied unseen. "
          "An empty subject, or no names, mean: as the profile says.",
      .example = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout bob.key -subj /CN=bob -out bob.csr\n"
                 "poterne cert sign demo --profile operator --csr bob.csr --ttl 8h --out bob.crt",
      .positional = cluster_positional, .options = sign_options, .local = client_cert_sign, .kind = "Certificate",
      .identity = "serial", .fields = signed_fields, .done = "certificate {serial} written to {out}" },
    { .noun = "cert", .verb = "list", .summary = "certificates on record, soonest expiry first",
      .example = "poterne cert list --expiring 30d",
      .positional = maybe_cluster, .options = list_options, .method = HTTP_GET, .path = "/v1/certificates", .watched = true,
      .identity = "serial", .items = "items", .columns = list_columns, .empty = "no certificates" },
    { .noun = "cert", .verb = "show", .summary = "one certificate, on record or in a file",
      .positional = which, .local = client_cert_show, .kind = "Certificate", .identity = "x509.serial",
      .fields = show_fields },
    { .noun = "cert", .verb = "check", .summary = "what any certificates are worth, ours or not",
      .details =
          "Looks at files, folders and live TLS endpoints: expiry, chain, name, key strength, SHA-1, a certificate good "
          "for client and server at once, a CA without constraints, keys that others can read. Changes nothing.\n\n"
          "The exit code is 0 when all is well, 6 when something is expiring and nothing else, 7 when there is a "
          "fault.",
      .example = "poterne cert check /etc/kubernetes\n"
                 "poterne cert check 10.0.0.1:2379 api.example.com:6443 --within 60d",
      .positional = targets, .options = check_options, .local = client_cert_check, .kind = "CertificateCheck",
      .identity = "target", .fields = check_fields, .items = "items", .columns = check_columns,
      .empty = "nothing to check was found" },
    { 0 },
};
/* clang-format on */
