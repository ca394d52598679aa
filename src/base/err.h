#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/cleanup.h"

/* Why something failed. One table (err.c) maps a code to HTTP status, exit code and a title. */
enum err_code {
    ERR_NONE,
    ERR_INVALID,     /* the request itself is wrong: a bad name, address, CSR, file */
    ERR_NOT_FOUND,   /* no such cluster, machine, certificate, file */
    ERR_CONFLICT,    /* exists already and differs; revision no longer current */
    ERR_REFUSED,     /* understood, and not allowed: a fence, a reserved name, the clock */
    ERR_ANONYMOUS,   /* it is not known who asks, and this is not for everyone */
    ERR_LIMIT,       /* larger or more than a limit allows */
    ERR_RATE,        /* too often: later it will be answered */
    ERR_UNREACHABLE, /* the daemon or a remote endpoint does not answer */
    ERR_CORRUPT,     /* stored data is damaged, or a key does not fit */
    ERR_BUSY,        /* somebody else held the lock for longer than we wait */
    ERR_IO,          /* the operating system said no: disk full, permission, read-only */
    ERR_INTERNAL,    /* a bug of ours */
    ERR_METHOD,      /* the path is there, and takes other methods */
    ERR_TYPE,        /* the body is of a type that nobody reads here */
    ERR_ACCEPT,      /* the answer is of no type that the client takes */
    ERR_STALE,       /* If-Match names a revision that is not current */
    ERR_GONE,        /* changes since then are not known any more */
    ERR_REUSED,      /* an Idempotency-Key that came with another request before */
    ERR_CODES
};

struct err {
    enum err_code code;
    char msg[512];  /* one sentence, lower case, what failed first; no secret, no owner */
    char field[64]; /* the member or parameter that it is about: "items.0.csr"; "": none is known */
};

struct err_kind {
    const char *name; /* stable word of the API's problem body: "not-found" */
    const char *title;
    int http_status;
    int exit_code; /* 1 failed, 2 usage, 3 not found, 4 conflict, 5 refused, 8 unreachable */
};

/* All return -1, so that a failing path is one line. `e` may be NULL. */
int err_set(struct err *e, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts "context: " before the message and keeps the code. */
int err_wrap(struct err *e, const char *format, ...) PRINTF_LIKE(2, 3);
/* ERR_IO (or ERR_NOT_FOUND for ENOENT) with ": strerror(errno)" behind the text. */
int err_errno(struct err *e, const char *format, ...) PRINTF_LIKE(2, 3);

/* Names the field that the error is about; a container's name goes before a field's that is named
 * already: "items" and "csr" make "items.csr". */
int err_field(struct err *e, const char *name);

/* Passes on another error as it is, one that was looked at before. */
int err_pass(struct err *e, const struct err *why);

const char *err_text(const struct err *e);
const struct err_kind *err_kind(enum err_code code);
enum err_code err_code_of_name(const char *name); /* ERR_INTERNAL when unknown */

#endif
