#ifndef UNIT_CORPORA_H
#define UNIT_CORPORA_H

/*
 * Published vectors are read in place, never copied here: from POTERNE_CORPORA, or
 * ../shared/corpora beside the source tree (tests run in its root). Where they are absent a test
 * says so and passes.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "files.h"
#include "wire/json.h"

enum { CORPUS_PATH = 512 };
static inline void corpus_path(char path[CORPUS_PATH], const char *name)
{
    const char *folder = getenv("POTERNE_CORPORA");

    snprintf(path, CORPUS_PATH, "%s/%s", folder && folder[0] ? folder : "../shared/corpora", name);
}

/* False when there is no such file. */
static inline bool corpus_read(struct buf *out, const char *name)
{
    char path[CORPUS_PATH];

    corpus_path(path, name);
    if (access(path, F_OK))
        return false;
    read_bytes(out, path);
    return true;
}

static inline void corpus_absent(const char *name)
{
    char reason[CORPUS_PATH];

    snprintf(reason, sizeof reason, "no corpus %s (set POTERNE_CORPORA)", name);
    not_here(reason);
}

/* NULL, and a line that says so, when the file is absent. */
static inline struct json *corpus_json(const char *name)
{
    const struct json_limits limits = { .bytes = 64 << 20, .depth = 32, .keep_duplicates = true };
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json *doc = NULL;
    struct err e = { 0 };

    if (!corpus_read(&text, name)) {
        corpus_absent(name);
        return NULL;
    }
    if (json_parse(&doc, buf_slice(&text), &limits, &e))
        fail_msg("%s: %s", name, err_text(&e));
    return doc;
}

static inline void corpus_hex(struct buf *out, const struct json_value *object, const char *key)
{
    struct err e = { 0 };

    buf_reset(out);
    if (hex_decode(out, json_slice(json_get(object, key)), &e))
        fail_msg("%s: %s", key, err_text(&e));
}

/*
 * What differs from the vectors on purpose: id, or the start of ids before a star, and why. The
 * material that a test sees may be longer than what we saw, so a row that fits nothing is no error;
 * one whose vectors all agree is, for then its reason is wrong.
 */
struct deviation {
    const char *id, *reason;
    unsigned differ, agree;
};

static inline struct deviation *deviation_of(struct deviation *list, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(list[i].id);

        if (strcmp(list[i].id, id) == 0)
            return &list[i];
        if (list[i].id[len - 1] == '*' && strncmp(list[i].id, id, len - 1) == 0)
            return &list[i];
    }
    return NULL;
}

/* Counts one verdict; 1 when it differs and no row says why. */
static inline unsigned deviation_count(struct deviation *row, const char *id, bool want, bool got,
                                       const struct err *e)
{
    if (row) {
        row->differ += want != got;
        row->agree += want == got;
        return 0;
    }
    if (want != got)
        printf("# %s: wanted %s, got %s\n", id, want ? "yes" : "no", got ? "yes" : err_text(e));
    return want != got;
}

static inline unsigned deviations_report(const struct deviation *list, size_t count)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < count; i++) {
        if (list[i].differ)
            printf("# differs on purpose: %s (%u): %s\n", list[i].id, list[i].differ,
                   list[i].reason);
        else if (list[i].agree) {
            printf("# %s does not differ: its row is wrong\n", list[i].id);
            wrong++;
        }
    }
    return wrong;
}

#endif
