#ifndef DAEMON_FRONT_H
#define DAEMON_FRONT_H

#include "api/api.h"
#include "api/share.h"
#include "daemon/process.h"
#include "daemon/sandbox.h"
#include "net/server.h"

/*
 * The front: every byte from outside is read here, none of it by a process that holds a key for
 * longer than a certificate of its own lives. Its first thread talks with the supervisor and renews
 * that certificate; the server's threads answer requests, each with an api and a connection to the
 * keeper of its own.
 */
struct front {
    struct child *child;
    struct pki_base *base;
    struct pki *pki;               /* of the first thread */
    struct api *api[THREADS_MOST]; /* one a thread of the server */
    struct server *server;
    struct sandbox_level level;
    int64_t renew_at; /* UTC seconds: a new certificate; 0: no TLS */
    struct tls_server *tls;
    bool has_tls; /* a listener wants it */
};

/* front_tls.c: a certificate for all the names, in use from now on. */
int front_tls_renew(struct front *f, struct err *e) MUST_CHECK;
/* After a failure: try again soon, and say so. */
void front_tls_duty(struct front *f);

/* front_thread.c: what a thread of the server needs, and the callbacks of server_config, whose ctx
 * is the front. */
int front_open_api(struct front *f, unsigned thread, struct err *e) MUST_CHECK;
int front_thread_open(void **ret, void *ctx, unsigned thread, struct err *e);
server_handler front_handle;
size_t front_max_body(void *ctx, const struct server_peer *peer, const struct http_request *head);
void front_refused(void *ctx, const struct server_refused *refused);

/* request_log.c */
struct request_log {
    const struct server_peer *peer;
    const struct http_request *request;
    const struct http_response *response;
    const char *id, *who; /* of the audit trail; "" */
    int64_t microseconds; /* in the handler */
    bool stream;          /* what goes on after it is not counted */
};
void request_log(const struct request_log *l);

#endif
