#ifndef API_CONTEXT_H
#define API_CONTEXT_H

#include "net/client.h"
#include "wire/json.h"

/*
 * The servers that a person works with, as kubectl keeps clusters: a YAML file of names, each with
 * a URL, what proves the server (a CA file or a pin), and the person's certificate and key. Files
 * are named from the folder of that file unless they are absolute.
 */
/* Always there: the daemon or the state directory of this machine. */
#define CONTEXT_LOCAL "local"
enum { CONTEXT_MAX_NAME = 63, CONTEXT_MAX = 256, CONTEXT_MAX_FILE = 1 << 20 };

struct context {
    char *name, *server;
    char *ca;                /* a file, or "sha256:HEX" */
    char *certificate, *key; /* NULL: none yet */
};
struct contexts {
    char *path, *folder; /* of the file, and where it lies */
    char *current;       /* NULL: this machine */
    struct context context[CONTEXT_MAX];
    size_t count;
};
void contexts_clear(struct contexts *c);

/* $POTERNE_CONFIG, $XDG_CONFIG_HOME/poterne/config.yaml or ~/.config/poterne/config.yaml. The
 * caller frees. ERR_INVALID: there is no home. */
int contexts_default(char **path, struct err *e) MUST_CHECK;
/* A file that is not there holds none. ERR_INVALID: the file is not one of contexts. */
int contexts_read(struct contexts *ret, const char *path, struct err *e) MUST_CHECK;
/* Whole or not at all, mode 0600. */
int contexts_write(const struct contexts *c, struct err *e) MUST_CHECK;

struct context *contexts_find(struct contexts *c, const char *name);          /* NULL */
struct context *contexts_find_server(struct contexts *c, const char *server); /* NULL */
/* The one of that name, made empty if there is none. ERR_INVALID: not a name; ERR_LIMIT. */
int contexts_put(struct contexts *c, const char *name, struct context **ret, struct err *e)
    MUST_CHECK;
void contexts_remove(struct contexts *c, struct context *which);
/* Takes a copy of the text in place of what was there; NULL: nothing. */
void context_set(char **member, const char *text);
/* "certificate" of NAME: "FOLDER/NAME/FILE". The caller frees. */
char *context_file(const struct contexts *c, const struct context *which, const char *file);
char *context_path(const struct contexts *c, const char *path); /* made absolute; NULL of NULL */

/* A name of letters, digits, '.', '-' and '_', which is a folder's too. */
int context_name_check(const char *name, struct err *e) MUST_CHECK;
/* What a client of it is opened with; the texts are owned by `target`. */
struct context_target {
    struct net_client_options options;
    char *owned[4];
};
void context_target_clear(struct context_target *target);
void context_target_init(struct context_target *target, const struct contexts *c,
                         const struct context *which);

#endif
