#ifndef TEST_KEEPER_CALLER_H
#define TEST_KEEPER_CALLER_H

#include "authority.h"
#include "base/clock.h"
#include "keeper/message.h"
#include <poll.h>

/* A keeper in another thread, its callers, and the bytes of some that are no friends of it. */

static inline struct served *serve_new(int *ends, size_t clients)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    char id[ROOT_KEY_ID];
    struct served *s;

    GOOD(keeper_root_key_new(&text, id, e));
    s = world_start(world_root_key(secret_slice(&text)), -1, ends, clients);
    world_now = LEAF_NOW;
    world_run(s);
    return s;
}

static inline struct keeper *connect_to(int end)
{
    struct keeper *keeper = NULL;

    GOOD(keeper_connect(&keeper, end, "i1", e));
    return keeper;
}

static inline void send_bytes(int end, struct slice bytes)
{
    assert_int_equal(send(end, bytes.ptr, bytes.len, MSG_NOSIGNAL), (ssize_t)bytes.len);
}

/* Reads until the keeper hangs up; the bytes that came before. A keeper that does not within five
 * seconds fails the test. */
static inline size_t read_to_end(int end)
{
    size_t got = 0;
    char bytes[4096];

    for (;;) {
        struct pollfd p = { .fd = end, .events = POLLIN };
        ssize_t n;

        if (poll(&p, 1, 5000) != 1)
            fail_msg("the connection is still open after %zu bytes", got);
        n = recv(end, bytes, sizeof bytes, 0);
        if (n <= 0)
            return got;
        got += (size_t)n;
    }
}

static inline void add_hello(struct buf *out)
{
    static const uint8_t hello[] = { 0, 0, 0, 16, MESSAGE_HELLO, 0,   0, 0, 0, 0, 0, 0, 1,
                                     0, 0, 0, 3,  'i',           '1', 0 };

    buf_add(out, hello, sizeof hello);
}

#define REMOTE(test)                                                                               \
    {                                                                                              \
#test, test, world_use_remote, world_join, NULL                                            \
    }

#endif
