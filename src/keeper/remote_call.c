#include "base/alloc.h"
#include "keeper/remote.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A 4096-bit RSA key may take seconds, and others may be before us. */
enum { PATIENCE_SECONDS = 60, LATER_BYTES = 8 << 10 };

struct remote {
    int fd; /* -1: lost */
    struct frames out, in;
    size_t answer; /* bytes of the answer that is being looked at, at the front of `in` */
};

struct remote *remote_new(int fd)
{
    struct remote *r = xcalloc(1, sizeof *r);
    struct timeval patience = { .tv_sec = PATIENCE_SECONDS };

    r->fd = fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return r;
}

void remote_free(struct remote *r)
{
    fd_closep(&r->fd);
    frames_clear(&r->out);
    frames_clear(&r->in);
    free(r);
}

static int unreachable(struct err *e)
{
    return err_set(e, ERR_UNREACHABLE,
                   "the keeper's process does not answer: the daemon starts it anew");
}

/* Requests and answers would not fit each other any more: it is not spoken to again. */
static int lose(struct remote *r, struct err *e)
{
    fd_closep(&r->fd);
    r->fd = -1;
    frames_clear(&r->out);
    frames_clear(&r->in);
    r->answer = 0;
    return unreachable(e);
}

struct call call_begin(struct keeper *keeper, enum message_number number)
{
    return (struct call){ .keeper = keeper, .number = number };
}

static void put(struct call *c, struct message_value v)
{
    assert(c->count < MESSAGE_FIELDS);
    c->request[c->count++] = v;
}

void call_number(struct call *c, int64_t n)
{
    put(c, value_number(n));
}

void call_bytes(struct call *c, struct slice bytes)
{
    put(c, value_bytes(bytes));
}

void call_text(struct call *c, const char *text)
{
    put(c, value_text(text));
}

void call_end(struct call *c)
{
    struct remote *r = c->keeper->remote;

    frames_take(&r->in, r->answer);
    r->answer = 0;
}

int call_send_later(struct call *c, struct err *e)
{
    struct remote *r = c->keeper->remote;

    if (r->fd < 0)
        return unreachable(e);
    return frames_add_request(&r->out, c->number, c->request, e);
}

int remote_flush(struct keeper *keeper, struct err *e)
{
    struct remote *r = keeper->remote;

    while (frames_slice(&r->out).len) {
        struct slice rest = frames_slice(&r->out);
        ssize_t n = send(r->fd, rest.ptr, rest.len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return lose(r, e);
        frames_take(&r->out, (size_t)n);
    }
    return r->fd < 0 ? unreachable(e) : 0;
}

/* More of the answer, which is `want` bytes in all. */
static int receive_more(struct remote *r, size_t want, struct err *e)
{
    size_t have = frames_slice(&r->in).len;
    ssize_t n;

    if (frames_room(&r->in, want - have, e))
        return -1;
    do
        n = recv(r->fd, r->in.pages.ptr + r->in.len, r->in.pages.len - r->in.len, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return -1;
    r->in.len += (size_t)n;
    return 0;
}

static int receive_body(struct remote *r, struct slice *body)
{
    bool whole = false;
    size_t want;

    for (;;) {
        if (frames_next(&r->in, body, &whole, &want, NULL))
            return -1;
        if (whole)
            break;
        if (receive_more(r, want, NULL))
            return -1;
    }
    r->answer = want;
    return 0;
}

int call_receive(struct call *c, struct err *e)
{
    struct remote *r = c->keeper->remote;
    struct message_answer_head head;
    struct slice body;

    if (r->fd < 0)
        return unreachable(e);
    if (receive_body(r, &body) || message_read_answer(&body, &head, NULL) ||
        head.number != c->number)
        return lose(r, e);
    if (c->keeper->signatures < head.signatures)
        c->keeper->signatures = head.signatures;
    if (message_read(head.fields, body, c->answer, NULL))
        return lose(r, e);
    if (head.code == ERR_NONE)
        return 0;
    return err_set(e, head.code, "%s", value_str(&c->answer[0]));
}

int call_run(struct call *c, struct err *e)
{
    if (call_send_later(c, e) || remote_flush(c->keeper, e))
        return -1;
    return call_receive(c, e);
}

void remote_tell(struct keeper *keeper, enum message_number number,
                 const struct message_value *values)
{
    struct remote *r = keeper->remote;

    if (r->fd < 0)
        return;
    if (frames_add_request(&r->out, number, values, NULL))
        (void)lose(r, NULL);
    else if (frames_slice(&r->out).len > LATER_BYTES)
        (void)remote_flush(keeper, NULL);
}
