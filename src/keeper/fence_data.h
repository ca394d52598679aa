#ifndef KEEPER_FENCE_DATA_H
#define KEEPER_FENCE_DATA_H

#include "crypto/name.h"
#include "keeper/fence.h"

/* A fence as fence_read.c leaves it for fence_check.c. Text is borrowed from `doc`. */

enum {
    FENCE_MAX_JSON = 64 << 10,
    FENCE_MAX_FORMS = 48,
    FENCE_MAX_SUBJECT = 16, /* parts besides O and CN */
    FENCE_MAX_GROUPS = 32,  /* O in one subject */
    FENCE_MAX_URI = 512
};

enum fence_cn {
    FENCE_CN_NONE, /* "": no common name at all */
    FENCE_CN_EXACT,
    FENCE_CN_PREFIX, /* "system:node:*": and something behind it */
    FENCE_CN_ANY     /* "*": whatever is not reserved */
};
enum fence_groups {
    FENCE_GROUPS_EXACT,
    FENCE_GROUPS_ANY,       /* ["*"]: none of them reserved */
    FENCE_GROUPS_PRIVILEGED /* ["!*"]: at least one that only --privileged gives */
};

struct fence_form {
    const char *profile;
    unsigned eku, san;
    enum fence_cn cn_kind;
    struct slice cn;
    enum fence_groups groups_kind;
    struct slice groups[FENCE_MAX_GROUPS];
    size_t group_count;
    struct slice san_required, uri;
    int64_t max_ttl;
    bool privileged;
};

struct fence_part {
    enum name_attr attr;
    struct slice value;
};

struct fence {
    struct json *doc;
    const char *cluster, *role;
    unsigned eku;
    struct fence_part subject[FENCE_MAX_SUBJECT];
    size_t subject_count;
    struct slice reserved_san;
    int64_t max_ttl, rate;
    struct fence_form forms[FENCE_MAX_FORMS];
    size_t form_count;
};

/* A DNS name as a certificate carries it: labels of letters, digits, '-' and '_', at most 253
 * bytes, the first label may be "*". */
bool fence_dns_ok(struct slice name);
bool fence_dns_eq(struct slice a, struct slice b); /* in any case */
/* Every '*' of the pattern stands for one or more letters and digits, all else for itself. */
bool fence_uri_fits(struct slice pattern, struct slice uri);
/* A verifier that looks for `name` is content with the SAN `pattern`: equal, or its wildcard. */
bool fence_dns_covers(struct slice pattern, struct slice name);

#endif
