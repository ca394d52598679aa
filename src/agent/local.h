#ifndef AGENT_LOCAL_H
#define AGENT_LOCAL_H

#include "base/buf.h"
#include "wire/json.h"

/*
 * What the agent may touch on this machine: a list owned by root, made by `join`, changed by hand
 * (agent.yaml in the agent's folder). The daemon chooses from it and cannot add to it: no path, no
 * unit, no command, no address comes from the daemon.
 */
enum { LOCAL_MAX_COMPONENTS = 16, LOCAL_MAX_PORTS = 8, LOCAL_MAX_ARGS = 16, LOCAL_MAX_PATHS = 32 };

enum run_kind {
    RUN_NONE,       /* nobody restarts it: a change that needs that is only reported */
    RUN_SYSTEMD,    /* systemctl restart UNIT */
    RUN_STATIC_POD, /* an annotation in its manifest changes, so that the kubelet makes it anew */
    RUN_COMMAND,    /* argv, no shell */
};
const char *run_kind_name(enum run_kind kind); /* "none" "systemd" "static-pod" "command" */

struct local_component {
    const char *name;
    bool control_plane;
    enum run_kind run;
    const char *unit, *manifest;
    const char *command[LOCAL_MAX_ARGS + 1];
    const char *process; /* its program's name, to find it among the processes */
    const char *match;   /* and a text that one of its arguments holds; "" */
    const char *address; /* where its ports are asked */
    unsigned port[LOCAL_MAX_PORTS];
    size_t port_count;
    /* Health after a restart: the command ends with 0; else GET `ready` on the first port answers
     * 200 with a certificate of `ca`; else a TLS handshake there. */
    const char *health[LOCAL_MAX_ARGS + 1];
    const char *ready, *ca; /* "/readyz", a file; NULL */
    unsigned patience;      /* seconds until it has to be healthy */
};
struct local {
    struct json *doc; /* owns every text */
    const char *cluster, *machine, *server, *root, *layout;
    const char *path[LOCAL_MAX_PATHS]; /* "pki/" for what is below it, "admin.conf" for a file */
    size_t path_count;
    struct local_component component[LOCAL_MAX_COMPONENTS];
    size_t component_count;
    const char *before[LOCAL_MAX_ARGS + 1], *after[LOCAL_MAX_ARGS + 1]; /* hooks; [0] NULL: none */
};
int local_parse(struct local *ret, struct slice yaml, struct err *e) MUST_CHECK;
/* The same of a file that nobody but its owner, who is root or ourselves, can write: ERR_REFUSED.
 */
int local_load(struct local *ret, int home, struct err *e) MUST_CHECK;
void local_clear(struct local *l);
const struct local_component *local_component(const struct local *l, const char *name); /* NULL */
bool local_has_path(const struct local *l, const char *path);
bool local_has_port(const struct local_component *c, unsigned port);

/* What `join` writes: the components of these roles, each under the unit or manifest that is found
 * below `system` ("" or, in tests, a folder). reply: of POST /v1/agent/join, of which only what it
 * says about place is taken. */
struct local_seed {
    const char *server, *root, *manifests;
    const struct json_value *reply;
};
int local_write(struct buf *yaml, const struct local_seed *seed, struct err *e) MUST_CHECK;

#define LOCAL_FILE "agent.yaml"

/* What the program knows of itself; the daemon's table (fleet/component.h) says the same. */
struct known_component {
    const char *name;
    bool control_plane;
    unsigned port[LOCAL_MAX_PORTS]; /* 1: the API server's */
    bool loopback;                  /* its ports are those of the local address */
    const char *ready;              /* that it serves to everyone; NULL: none over TLS */
};
extern const struct known_component known_components[];
extern const size_t known_component_count;

#endif
