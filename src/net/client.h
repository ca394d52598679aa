#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/buf.h"
#include "wire/http.h"

/*
 * An HTTP client of one server: a daemon's unix socket, or https whose certificate is always
 * checked, against a bundle or a pin. Connections are kept between requests; a client belongs to
 * one thread.
 */
struct net_client;

struct net_client_options {
    const char *socket; /* path of a unix socket; or else ... */
    const char *url;    /* "https://HOST[:PORT]", with nothing behind */
    /* One of the two must hold, or both; neither: the system's authorities. */
    const char *ca;  /* file of PEM certificates */
    const char *pin; /* "sha256:HEX" of the public key (SPKI) of a certificate in the server's chain
                        that everything before it leads to */
    const char *cert, *key; /* PEM files of the client's own certificate, its chain behind it */
    int64_t connect_ms, answer_ms; /* 0: 10 s; no limit but a peer that is silent for a minute */
};
/* Copies the options; opens no connection yet. ERR_INVALID: a URL or pin that is not one. */
int net_client_open(struct net_client **ret, const struct net_client_options *options,
                    struct err *e) MUST_CHECK;
void net_client_close(struct net_client *client);
DEFINE_FREEP(struct net_client *, net_client_close)
const char *net_client_name(const struct net_client *client); /* for messages: URL or path */

struct net_request {
    enum http_method method;
    const char *target;             /* "/v1/clusters?limit=10" */
    struct slice body;              /* of application/json */
    const struct http_field *field; /* more fields */
    size_t field_count;
    /* Takes the body part by part in place of the answer's; its -1 ends the transfer. Bodies of
     * problems (a status of 400 and more) are not given to it. */
    int (*part)(struct slice part, void *ctx, struct err *e);
    void *ctx;
};
enum { NET_ANSWER_TAG = 64 };
struct net_answer {
    int status;
    struct buf body;
    char etag[NET_ANSWER_TAG]; /* as sent, with its quotes; "" */
    char type[64];             /* "application/json" */
    int64_t retry_after;       /* seconds; 0 */
};
void net_answer_clear(struct net_answer *answer);

/* ERR_UNREACHABLE: nobody there, or no answer in time. ERR_REFUSED: the server is not the one that
 * was meant, or does not want our certificate. ERR_INVALID: it does not speak HTTP. */
int net_client_send(struct net_client *client, const struct net_request *request,
                    struct net_answer *answer, struct err *e) MUST_CHECK;

enum { NET_PIN_TEXT = 72 }; /* "sha256:" and 64 digits, and the NUL */
/* The pin of a certificate. */
int net_pin(char out[NET_PIN_TEXT], struct slice cert_der, struct err *e) MUST_CHECK;

#endif
