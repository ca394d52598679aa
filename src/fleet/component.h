#ifndef FLEET_COMPONENT_H
#define FLEET_COMPONENT_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which component uses which file of a machine, how it takes up a change, how long that lasts, and
 * how it is seen that it did: one table (component.c), of Kubernetes 1.31 to 1.36 and etcd 3.5 and
 * 3.6 with the flags that our layouts give them. A test prints it into a golden file.
 */
enum take_up {
    TAKE_NONE,    /* nobody keeps it open: read when it is used, or by a person */
    TAKE_LIVE,    /* read again by itself, at the latest after `seconds` */
    TAKE_RESTART, /* read once, at the start of the process */
};
const char *take_up_name(enum take_up take); /* "none" "live" "restart" */

enum confirm {
    CONFIRM_NONE,
    CONFIRM_HANDSHAKE, /* a TLS handshake to `port` shows the certificate with the new serial */
    CONFIRM_START,     /* the process began later than the file changed */
    CONFIRM_PEER,      /* the other side sees the new client certificate */
    CONFIRM_TRUST,     /* a leaf of the new authority is let in: 403 and not 401 */
};
const char *confirm_name(enum confirm confirm); /* "none" "handshake" "start" "peer" "trust" */

enum { PORT_NONE = 0, PORT_API = 1 /* that of the machine's API server */ };

struct component_use {
    const char *component; /* "kube-apiserver" */
    const char *path;      /* of the plan, relative; a leaf's certificate stands for its pair */
    enum take_up take;
    unsigned seconds; /* until it is in use: of a live reload, or of a usual restart */
    enum confirm confirm;
    unsigned port; /* CONFIRM_HANDSHAKE */
};
extern const struct component_use component_uses[];
extern const size_t component_use_count;

struct component_row {
    const char *name;
    bool control_plane; /* one machine at a time is touched */
    const char *health; /* "https:PORT/PATH", PORT "api" for the API server's; NULL: none */
};
extern const struct component_row component_rows[];
extern const size_t component_row_count;
const struct component_row *component_find(const char *name); /* NULL */

/* Seconds of the slowest consumer of a file; 0 when nobody keeps it. */
unsigned component_slowest(const char *path, const char **component);

/*
 * A life, in seconds, that its consumers can live with: at least three times what the slowest takes
 * to reload. ERR_REFUSED says which one.
 */
int component_life_check(const char *path, int64_t life, struct err *e) MUST_CHECK;

/*
 * When a certificate is renewed: at two thirds of its life, moved by up to a twentieth of it
 * earlier (`jitter` 0 to 1000 of a thousand), and never later than its end less `reload` seconds
 * and a minute, however short its life is.
 */
int64_t component_renewal(int64_t not_before, int64_t not_after, unsigned reload, unsigned jitter);

#endif
