#ifndef KEEPER_REMOTE_H
#define KEEPER_REMOTE_H

#include "keeper/keeper_data.h"
#include "keeper/message.h"

/* The caller's end of the socketpair; for remote.c alone. */

struct remote *remote_new(int fd); /* takes the descriptor over */
void remote_free(struct remote *remote);

/* A request and its answer: begin, put each field in order, run, read the answer's values, end. */
struct call {
    struct keeper *keeper;
    enum message_number number;
    size_t count;
    struct message_value request[MESSAGE_FIELDS];
    struct message_value answer[MESSAGE_FIELDS]; /* views that call_end wipes */
};
struct call call_begin(struct keeper *keeper, enum message_number number);
void call_number(struct call *c, int64_t n);
void call_bytes(struct call *c, struct slice bytes);
void call_text(struct call *c, const char *text);
/* The keeper's own error, or ERR_LIMIT (not sent), or ERR_UNREACHABLE. */
int call_run(struct call *c, struct err *e) MUST_CHECK;
void call_end(struct call *c);

/* The parts of call_run, for several that travel together. */
int call_send_later(struct call *c, struct err *e) MUST_CHECK;
int remote_flush(struct keeper *keeper, struct err *e);
int call_receive(struct call *c, struct err *e) MUST_CHECK;
/* A message without an answer: goes with the next call. */
void remote_tell(struct keeper *keeper, enum message_number number,
                 const struct message_value *values);

#endif
