#include "cli/nouns.h"

/* clang-format off */
static const struct option rotate_options[] = {
    { .name = "reseal", .json = "reseal", .type = OPTION_FLAG,
      .help = "after a leak: new data keys too, and every sealed value sealed again" },
    { 0 },
};
static const struct column rotation_fields[] = {
    { "Old key",   "old_id",    COLUMN_TEXT, false },
    { "New key",   "new_id",    COLUMN_TEXT, false },
    { "Rewrapped", "rewrapped", COLUMN_TEXT, false },
    { "Resealed",  "resealed",  COLUMN_TEXT, false },
    { "Resumed",   "resumed",   COLUMN_BOOL, false },
    { 0 },
};

const struct command key_commands[] = {
    { .noun = "key", .verb = "rotate-root", .summary = "a new root key",
      .details =
          "Makes a new root key and wraps every data key under it; the old one is gone from the state directory "
          "(backups that were made before hold it). With --reseal data keys are renewed as well: for when the old "
          "root key may be in other hands. When it was cut short, the same command finishes it.\n\n"
          "Needs the state directory for itself: it waits for other commands to end.",
      .options = rotate_options, .method = HTTP_POST, .path = "/v1/root-key/rotation", .identity = "new_id",
      .fields = rotation_fields, .done = "the root key is {new_id} now" },
    { 0 },
};

static const struct positional backup_file[] = {
    { .name = "FILE", .json = "file", .complete = "file", .help = "the backup" },
    { 0 },
};
static const struct option backup_options[] = {
    { .name = "passphrase-file", .json = "passphrase_file", .type = OPTION_FILE, .value = "FILE",
      .help = "encrypt it with the passphrase on the first line of this file" },
    { .name = "recipient", .json = "recipient", .type = OPTION_FILE, .value = "CERT",
      .help = "encrypt it to the holder of this certificate's key" },
    { .name = "force", .json = "force", .type = OPTION_FLAG, .help = "replace FILE when it is there" },
    { 0 },
};
static const struct option restore_options[] = {
    { .name = "passphrase-file", .json = "passphrase_file", .type = OPTION_FILE, .value = "FILE",
      .help = "the passphrase, on the first line of this file" },
    { .name = "recipient", .json = "recipient", .type = OPTION_FILE, .value = "CERT",
      .help = "the certificate that it was encrypted to" },
    { .name = "key", .json = "key", .type = OPTION_FILE, .value = "KEY", .help = "the key of that certificate" },
    { .name = "list", .json = "list", .type = OPTION_FLAG, .help = "only say what is inside" },
    { .name = "replace", .json = "replace", .type = OPTION_FLAG,
      .help = "over a state that is there; its files are kept beside, with .before-restore behind their names" },
    { 0 },
};

static const struct column manifest_fields[] = {
    { "File",         "file",                  COLUMN_TEXT, false },
    { "Installation", "manifest.installation", COLUMN_TEXT, false },
    { "Made",         "manifest.created",      COLUMN_TIME, false },
    { "Clusters",     "manifest.clusters",     COLUMN_TEXT, false },
    { "Root key",     "manifest.root_key_id",  COLUMN_TEXT, true  },
    { "Schema",       "manifest.schema",       COLUMN_TEXT, true  },
    { 0 },
};
static const struct column generation_columns[] = {
    { "CLUSTER",    "cluster",   COLUMN_TEXT,      false },
    { "AUTHORITY",  "authority", COLUMN_TEXT,      false },
    { "GENERATION", "number",    COLUMN_TEXT,      false },
    { "CUSTODY",    "custody",   COLUMN_TEXT,      false },
    { "EXPIRES",    "not_after", COLUMN_TIME_LEFT, false },
    { "SKID",       "skid",      COLUMN_TEXT,      true  },
    { 0 },
};
static const struct column check_fields[] = {
    { "Good",          "good",          COLUMN_BOOL, false },
    { "Records",       "records",       COLUMN_TEXT, false },
    { "Sealed values", "sealed",        COLUMN_TEXT, false },
    { "Certificates",  "certificates",  COLUMN_TEXT, false },
    { "Audit records", "audit_records", COLUMN_TEXT, false },
    { "Faults",        "faults",        COLUMN_TEXT, false },
    { 0 },
};
static const struct column fault_columns[] = {
    { "CHECK",   "check",   COLUMN_TEXT, false },
    { "SUBJECT", "subject", COLUMN_TEXT, false },
    { "FAULT",   "text",    COLUMN_TEXT, false },
    { 0 },
};

const struct command state_commands[] = {
    { .noun = "state", .verb = "backup", .summary = "an encrypted copy of everything, in one file",
      .details =
          "Consistent while other commands run. The file is a CMS AuthEnvelopedData that holds a tar: 'openssl cms' "
          "opens it too. It names the keys inside, so that old backups of a key that was destroyed can be found.",
      .example = "poterne state backup /backup/poterne.cms --recipient backup.crt",
      .positional = backup_file, .options = backup_options, .local = client_state_backup, .kind = "Backup",
      .identity = "file", .fields = manifest_fields, .items = "manifest.generations", .columns = generation_columns,
      .done = "backup written to {file}" },
    { .noun = "state", .verb = "restore", .summary = "the state of a backup",
      .details = "Into a state directory that is empty or absent; over one that is there with --replace. The backup is "
                 "checked before anything is replaced.",
      .example = "poterne state restore /backup/poterne.cms --recipient backup.crt --key backup.key --list",
      .positional = backup_file, .options = restore_options, .local = client_state_restore, .kind = "Restore",
      .identity = "file", .fields = manifest_fields, .items = "manifest.generations", .columns = generation_columns,
      .destroys = "what the state directory holds now, by the content of '{file}'", .destroys_if = "replace" },
    { .noun = "state", .verb = "check", .summary = "does everything open, verify and fit",
      .details =
          "Every sealed value opens, every chain verifies, every key matches its certificate, the audit head matches, "
          "nothing is orphaned, the store is whole. It goes on after a fault; any one makes the exit code 7.",
      .local = client_state_check, .kind = "StateCheck", .identity = "good", .fields = check_fields,
      .items = "items", .columns = fault_columns, .done = "the state is good" },
    { 0 },
};
/* clang-format on */
