#ifndef API_CLIENT_H
#define API_CLIENT_H

#include "api/door.h"
#include "wire/json.h"

/*
 * What a command does where it is typed: make keys, read and write files, look at endpoints.
 * Everything about the installation goes through client_call, to a daemon or in-process. Each local
 * function takes the command's arguments as one JSON object (names as in the command table) and
 * writes the members of its reply like a handler does.
 */
struct client {
    struct door *door;
    bool accept_clock;
    const char *state;   /* absolute path, for kubeconfigs with an exec plugin */
    const char *program; /* absolute path of this program */
    void (*progress)(const char *text, void *ctx); /* long work says where it is; may be NULL */
    void (*warn)(const char *text, void *ctx);     /* goes to stderr as "warning: ..." */
    void *ctx;
    /* What is too long to be kept goes to stdout at once; NULL: into the result's stdout_text. */
    int (*print)(struct slice text, void *ctx, struct err *e);
};
/* $POTERNE_STATE is the command line's business; this is the directory without it. The caller
 * frees. */
int client_state_default(char **path, struct err *e) MUST_CHECK;
/* One call; a problem body becomes `e` with its code, "warnings" of a reply go to `warn`. *reply is
 * the caller's. body NULL: none. */
int client_call(struct client *client, enum http_method method, const char *path, struct slice body,
                struct json **reply, struct err *e) MUST_CHECK;
/* The same of an answer that came another way. */
int client_read_answer(struct json **reply, const struct net_answer *answer, const char *from,
                       struct err *e) MUST_CHECK;
/* The same of a response; reply NULL: one that is a problem. */
int client_read_response(struct json **reply, struct client *client,
                         const struct api_response *response, struct err *e) MUST_CHECK;

/* Follows a list (api/watch.h) for ever: type is ADDED, MODIFIED or DELETED; its -1 ends it. What
 * breaks off is taken up again. */
typedef int client_event(const char *type, const struct json_value *object, void *ctx,
                         struct err *e);
int client_watch(struct client *client, const char *path, client_event *event, void *ctx,
                 struct err *e) MUST_CHECK;

/* What a reply says, member by member, into ours. */
void client_put_answer(struct json_writer *reply, const struct json_value *answer);
/* Appends a path segment or query value percent-encoded. */
void client_escape(struct buf *out, const char *text);
/* A segment, percent-encoded, for each "@" of "/v1/clusters/@/kubeconfigs". */
void client_path(struct buf *out, const char *format, const char *const *segments);

/* exit: what the command ends with when it did its work and found something: 0, 6 expiring only, 7
 * a fault. stdout_text: what is printed as it is instead of a rendered object (a kubeconfig, PEM,
 * JSON Lines) when not empty. */
struct client_result {
    int exit;
    struct buf stdout_text;
};
/* Through client->print when there is one. */
int client_print(struct client *client, struct client_result *result, struct slice text,
                 struct err *e) MUST_CHECK;
typedef int client_fn(struct client *client, const struct json_value *args,
                      struct json_writer *reply, struct client_result *result, struct err *e);

client_fn client_export;                /* cluster machine layout out prefix dry_run force */
client_fn client_adopt;                 /* name from layout */
client_fn client_kubeconfig_issue;      /* cluster user groups ttl out exec privileged server */
client_fn client_kubeconfig_credential; /* cluster user groups ttl: ExecCredential on stdout */
client_fn client_cert_sign;             /* cluster profile csr ttl machine out: PEM on stdout */
client_fn client_cert_show;             /* target: a serial, a fingerprint or a file */
client_fn client_cert_check;            /* targets within */
client_fn client_authority_cert;        /* cluster authority bundle: PEM on stdout */
client_fn client_audit_verify;          /* from_head */
client_fn client_audit_head;            /* the head as one line of JSON on stdout */
client_fn client_audit_export;          /* JSON Lines on stdout, streamed */
client_fn client_state_backup;          /* file passphrase_file recipient force */
client_fn client_state_restore;         /* file passphrase_file recipient key list replace */
client_fn client_context_list, client_context_show, client_context_use,
    client_context_remove;    /* name */
client_fn client_context_add; /* name server ca certificate key */
client_fn client_login;       /* server ca_hash ca code_file name */
client_fn client_state_check; /* exit 7 when a fault was found */

#endif
