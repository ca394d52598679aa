#include "cli/nouns.h"

/* clang-format off */
static const struct option list_options[] = {
    { .name = "action", .json = "action", .type = OPTION_TEXT, .value = "ACTION",
      .help = "only what begins so: certificate, cluster.create" },
    { .name = "outcome", .json = "outcome", .type = OPTION_CHOICE, .value = "OUTCOME",
      .choices = "granted|refused|failed", .help = "only these" },
    { .name = "target", .json = "target", .type = OPTION_TEXT, .value = "TARGET",
      .help = "only what begins so: cluster/demo" },
    { 0 },
};
static const struct option verify_options[] = {
    { .name = "from-head", .json = "from_head", .type = OPTION_FILE, .value = "FILE",
      .help = "a head that was kept elsewhere: the trail must still contain it, unchanged" },
    { 0 },
};
static const struct option prune_options[] = {
    { .name = "before", .json = "before", .type = OPTION_TEXT, .required = true, .value = "DURATION|TIME",
      .help = "what is older than that: 400d, or 2026-01-31T00:00:00Z" },
    { 0 },
};

static const struct column list_columns[] = {
    { "SEQ",     "seq",     COLUMN_TEXT, false },
    { "TIME",    "time",    COLUMN_TIME, false },
    { "ACTOR",   "actor",   COLUMN_TEXT, false },
    { "ACTION",  "action",  COLUMN_TEXT, false },
    { "TARGET",  "target",  COLUMN_TEXT, false },
    { "OUTCOME", "outcome", COLUMN_TEXT, false },
    { "REASON",  "reason",  COLUMN_TEXT, false },
    { "VIA",     "via",     COLUMN_TEXT, true  },
    { "REQUEST", "request", COLUMN_TEXT, true  },
    { 0 },
};
static const struct column verdict_fields[] = {
    { "Good",        "good",        COLUMN_BOOL, false },
    { "Records",     "records",     COLUMN_TEXT, false },
    { "Checkpoints", "checkpoints", COLUMN_TEXT, false },
    { "From",        "first",       COLUMN_TEXT, false },
    { "To",          "last",        COLUMN_TEXT, false },
    { "Fault",       "fault",       COLUMN_TEXT, false },
    { "At record",   "at",          COLUMN_TEXT, false },
    { "Because",     "text",        COLUMN_TEXT, false },
    { 0 },
};
static const struct column pruning_fields[] = {
    { "Removed", "removed", COLUMN_TEXT, true },
    { "Before",  "before",  COLUMN_TIME, true },
    { 0 },
};
static const struct column no_fields[] = { { 0 } };

const struct command audit_commands[] = {
    { .noun = "audit", .verb = "list", .summary = "the records, oldest first",
      .options = list_options, .method = HTTP_GET, .path = "/v1/audit/records", .identity = "seq",
      .items = "items", .columns = list_columns, .empty = "no records" },
    { .noun = "audit", .verb = "head", .summary = "the newest signed checkpoint, one line of JSON",
      .details = "Keep it where this machine's administrators cannot write: 'poterne audit verify --from-head' "
                 "then finds a trail that was cut off or rolled back.",
      .example = "poterne audit head > head.json",
      .local = client_audit_head, .kind = "AuditHead", .fields = no_fields },
    { .noun = "audit", .verb = "verify", .summary = "check the chain of records and its signatures",
      .details = "Names the first record that is broken, missing, reordered, cut off or rolled back; then the exit "
                 "code is 7.",
      .example = "poterne audit verify --from-head head.json",
      .options = verify_options, .local = client_audit_verify, .kind = "AuditVerdict", .identity = "fault",
      .fields = verdict_fields, .done = "the audit trail is whole" },
    { .noun = "audit", .verb = "export", .summary = "the whole trail as JSON Lines, for an outside verifier",
      .example = "poterne audit export > trail.jsonl",
      .local = client_audit_export, .kind = "AuditExport", .fields = no_fields },
    { .noun = "audit", .verb = "prune", .summary = "remove old records, leaving a signed tombstone",
      .example = "poterne audit prune --before 400d --yes",
      .options = prune_options, .method = HTTP_POST, .path = "/v1/audit/pruning", .identity = "removed",
      .fields = pruning_fields, .destroys = "audit records older than {before}",
      .done = "{removed} records removed" },
    { 0 },
};
/* clang-format on */
