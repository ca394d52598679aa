#include "cli/nouns.h"

/* clang-format off */
static const struct positional one[] = {
    { .name = "CLUSTER", .json = "cluster", .complete = "cluster", .help = "name of the cluster" },
    { .name = "AUTHORITY", .json = "authority", .complete = "authority",
      .choices = "etcd|control-plane|operators|kubelet|aggregation", .help = "which of the five" },
    { 0 },
};
static const struct option cert_options[] = {
    { .name = "bundle", .json = "bundle", .type = OPTION_FLAG,
      .help = "every generation that is to be trusted, oldest first" },
    { 0 },
};
static const struct column list_columns[] = {
    { "AUTHORITY",  "name",       COLUMN_TEXT,      false },
    { "GENERATION", "generation", COLUMN_TEXT,      false },
    { "CUSTODY",    "custody",    COLUMN_TEXT,      false },
    { "SIGNS",      "usage",      COLUMN_TEXT,      false },
    { "EXPIRES",    "not_after",  COLUMN_TIME_LEFT, false },
    { "NOT AFTER",  "not_after",  COLUMN_TIME,      true  },
    { "CA",         "ca",         COLUMN_TEXT,      true  },
    { 0 },
};
static const struct column fields[] = {
    { "Cluster",    "cluster",    COLUMN_TEXT,      false },
    { "Authority",  "name",       COLUMN_TEXT,      false },
    { "Signs",      "usage",      COLUMN_TEXT,      false },
    { "Generation", "generation", COLUMN_TEXT,      false },
    { "Custody",    "custody",    COLUMN_TEXT,      false },
    { "Expires in", "not_after",  COLUMN_TIME_LEFT, false },
    { "CA",         "ca",         COLUMN_TEXT,      true  },
    { 0 },
};
static const struct column generation_columns[] = {
    { "GENERATION",  "number",      COLUMN_TEXT,      false },
    { "STATE",       "state",       COLUMN_TEXT,      false },
    { "CUSTODY",     "custody",     COLUMN_TEXT,      false },
    { "KEY",         "key_type",    COLUMN_TEXT,      false },
    { "EXPIRES",     "not_after",   COLUMN_TIME_LEFT, false },
    { "SUBJECT",     "subject",     COLUMN_TEXT,      false },
    { "NOT BEFORE",  "not_before",  COLUMN_TIME,      true  },
    { "NOT AFTER",   "not_after",   COLUMN_TIME,      true  },
    { "SERIAL",      "serial",      COLUMN_TEXT,      true  },
    { "FINGERPRINT", "fingerprint", COLUMN_TEXT,      true  },
    { 0 },
};

const struct command authority_commands[] = {
    { .noun = "authority", .verb = "list", .summary = "the five authorities of a cluster",
      .positional = cluster_positional, .method = HTTP_GET, .path = "/v1/clusters/{cluster}/authorities",
      .items = "items", .columns = list_columns, .empty = "no authorities" },
    { .noun = "authority", .verb = "show", .summary = "one authority and its generations",
      .positional = one, .method = HTTP_GET, .path = "/v1/clusters/{cluster}/authorities/{authority}",
      .fields = fields, .items = "generations", .columns = generation_columns },
    { .noun = "authority", .verb = "cert", .summary = "its certificate as PEM",
      .details = "Prints the certificate of the generation that signs; with --bundle all that are to be trusted, in "
                 "the order in which exports have them.",
      .example = "poterne authority cert demo control-plane --bundle > ca-bundle.crt",
      .positional = one, .options = cert_options, .local = client_authority_cert, .kind = "AuthorityCertificate",
      .fields = fields },
    { 0 },
};
/* clang-format on */
