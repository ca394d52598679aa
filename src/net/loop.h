#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "net/libevent.h"
#include <stdbool.h>

/*
 * An event loop of one thread, over libevent. Only loop_wake may be called from another thread, or
 * from a signal handler.
 */
struct loop;
typedef void loop_callback(void *arg);

int loop_new(struct loop **ret, struct err *e) MUST_CHECK;
void loop_free(struct loop *loop); /* NULL is fine */
DEFINE_FREEP(struct loop *, loop_free)

/* Until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Calls back once for one wake-up or several. */
void loop_on_wake(struct loop *loop, loop_callback *callback, void *arg);
void loop_wake(struct loop *loop);
/* Calls back every `ms` from now on; 0: no more. There is one such clock a loop. */
void loop_tick(struct loop *loop, int ms, loop_callback *callback, void *arg);

/* Calls back once, in `ms` from now; again before that: only the last holds. */
void loop_later(struct loop *loop, int ms, loop_callback *callback, void *arg);

/* One descriptor, which stays the caller's. */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_io_callback(void *arg, unsigned ready);
struct loop_io {
    struct loop *loop;
    loop_io_callback *callback;
    void *arg;
    unsigned wanted;
    struct event read, write;
};
void loop_io_init(struct loop_io *io, struct loop *loop, int fd, loop_io_callback *callback,
                  void *arg);
/* What to call back for, as long as it holds. ERR_IO: the kernel has no room. */
int loop_io_want(struct loop_io *io, unsigned wanted, struct err *e) MUST_CHECK;
/* Calls back once more as if it were readable: there is more, but others shall have their turn. */
void loop_io_again(struct loop_io *io);
/* Before the descriptor is closed; also of one that is all zero. */
void loop_io_clear(struct loop_io *io);

#endif
