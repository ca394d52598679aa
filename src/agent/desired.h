#ifndef AGENT_DESIRED_H
#define AGENT_DESIRED_H

#include "agent/local.h"
#include <sys/types.h>

/*
 * What the daemon wants here, held against the local list before anything is done with it: a path
 * outside of it, a component that is not in it, a take-up that is unknown, a kubeconfig that would
 * run a program, and nothing of the whole is used. Members that are unknown are ignored.
 */
enum {
    DESIRED_PROTOCOL = 1,
    DESIRED_MAX_FILES = 64,
    DESIRED_MAX_LEAVES = 32,
    DESIRED_MAX_USES = 8
};

enum take { TAKE_UP_LIVE, TAKE_UP_RESTART };
enum proof { PROOF_NONE, PROOF_HANDSHAKE, PROOF_START, PROOF_PEER, PROOF_TRUST };
struct use {
    const struct local_component *component;
    enum take take;
    unsigned seconds;
    enum proof proof;
    unsigned port;
};
struct uses {
    struct use use[DESIRED_MAX_USES];
    size_t count;
};
struct wanted_file {
    const char *path;
    mode_t mode;
    struct slice text;  /* ready; of a kubeconfig with the plan's marks */
    const char *slot;   /* of a kubeconfig: its leaf */
    const char *public; /* of a secret: the file with its public key; no text then */
    struct uses uses;
};
struct wanted_leaf {
    const char *slot, *profile;
    const char *cert, *key; /* paths; NULL: the pair is in its kubeconfig */
    const struct json_value *plan;
    unsigned reload; /* seconds of its slowest reader */
    struct uses uses;
};
struct desired {
    struct json *doc; /* owns every text */
    bool cordoned;
    int64_t renew;
    struct wanted_file file[DESIRED_MAX_FILES]; /* bundles, kubeconfigs, secrets */
    size_t file_count;
    struct wanted_leaf leaf[DESIRED_MAX_LEAVES];
    size_t leaf_count;
};
/* The JSON of an AgentDesired. ERR_INVALID: not of this form; ERR_REFUSED: outside the list. */
int desired_parse(struct desired *ret, struct slice text, const struct local *local, struct err *e)
    MUST_CHECK;
void desired_clear(struct desired *d);
const struct wanted_file *desired_file(const struct desired *d, const char *path); /* NULL */
/* The kubeconfig of a leaf, NULL when it has none. */
const struct wanted_file *desired_kubeconfig(const struct desired *d, const char *slot);

#endif
