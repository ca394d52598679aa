#include "net/loop.h"
#include "base/alloc.h"
#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
    const struct libevent *lib;
    struct event_base *base;
    int wake_fd;
    struct event wake, tick, later;
    loop_callback *on_wake, *on_tick, *on_later;
    void *wake_arg, *tick_arg, *later_arg;
};

static void woken(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) == sizeof count && loop->on_wake)
        loop->on_wake(loop->wake_arg);
}

static void ticked(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;

    (void)fd;
    (void)what;
    loop->on_tick(loop->tick_arg);
}

static void latered(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;

    (void)fd;
    (void)what;
    loop->on_later(loop->later_arg);
}

/* Of one thread: no locks. Not steered by environment variables. */
static struct event_base *new_base(const struct libevent *lib)
{
    struct event_config *config = lib->event_config_new();
    struct event_base *base = NULL;

    if (config) {
        (void)lib->event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        (void)lib->event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
        base = lib->event_base_new_with_config(config);
        lib->event_config_free(config);
    }
    return base;
}

int loop_new(struct loop **ret, struct err *e)
{
    CLEANUP(loop_freep) struct loop *loop = xcalloc(1, sizeof *loop);

    loop->wake_fd = -1;
    if (libevent_load(&loop->lib, e))
        return -1;
    loop->base = new_base(loop->lib);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!loop->base || loop->wake_fd < 0)
        return err_errno(e, "event loop");
    loop->lib->event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, woken,
                            loop);
    loop->lib->event_assign(&loop->tick, loop->base, -1, EV_PERSIST, ticked, loop);
    loop->lib->event_assign(&loop->later, loop->base, -1, 0, latered, loop);
    if (loop->lib->event_add(&loop->wake, NULL))
        return err_errno(e, "event loop");
    *ret = loop;
    loop = NULL;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->base) {
        (void)loop->lib->event_del(&loop->later);
        (void)loop->lib->event_del(&loop->tick);
        (void)loop->lib->event_del(&loop->wake);
        loop->lib->event_base_free(loop->base);
    }
    fd_closep(&loop->wake_fd);
    free(loop);
}

void loop_run(struct loop *loop)
{
    (void)loop->lib->event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
    (void)loop->lib->event_base_loopbreak(loop->base);
}

void loop_on_wake(struct loop *loop, loop_callback *callback, void *arg)
{
    loop->on_wake = callback;
    loop->wake_arg = arg;
}

void loop_wake(struct loop *loop)
{
    static const uint64_t one = 1;

    /* It fails only when 2^64 wake-ups wait, which is as good. */
    if (write(loop->wake_fd, &one, sizeof one) < 0)
        assert(errno == EAGAIN);
}

static void set_timer(struct loop *loop, struct event *timer, int ms)
{
    struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

    (void)loop->lib->event_del(timer);
    if (ms && loop->lib->event_add(timer, &time))
        abort(); /* no memory for one timer */
}

void loop_tick(struct loop *loop, int ms, loop_callback *callback, void *arg)
{
    loop->on_tick = callback;
    loop->tick_arg = arg;
    set_timer(loop, &loop->tick, ms);
}

void loop_later(struct loop *loop, int ms, loop_callback *callback, void *arg)
{
    loop->on_later = callback;
    loop->later_arg = arg;
    set_timer(loop, &loop->later, ms);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
    struct loop_io *io = arg;

    (void)fd;
    (void)what;
    io->callback(io->arg, LOOP_READ);
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
    struct loop_io *io = arg;

    (void)fd;
    (void)what;
    io->callback(io->arg, LOOP_WRITE);
}

void loop_io_init(struct loop_io *io, struct loop *loop, int fd, loop_io_callback *callback,
                  void *arg)
{
    *io = (struct loop_io){ .loop = loop, .callback = callback, .arg = arg };
    loop->lib->event_assign(&io->read, loop->base, fd, EV_READ | EV_PERSIST, readable, io);
    loop->lib->event_assign(&io->write, loop->base, fd, EV_WRITE | EV_PERSIST, writable, io);
}

static int set_event(const struct libevent *lib, struct event *event, bool on)
{
    return on ? lib->event_add(event, NULL) : lib->event_del(event);
}

int loop_io_want(struct loop_io *io, unsigned wanted, struct err *e)
{
    unsigned changed = io->wanted ^ wanted;

    if ((changed & LOOP_READ && set_event(io->loop->lib, &io->read, wanted & LOOP_READ)) ||
        (changed & LOOP_WRITE && set_event(io->loop->lib, &io->write, wanted & LOOP_WRITE)))
        return err_errno(e, "wait for a socket");
    io->wanted = wanted;
    return 0;
}

void loop_io_again(struct loop_io *io)
{
    io->loop->lib->event_active(&io->read, EV_READ, 0);
}

void loop_io_clear(struct loop_io *io)
{
    if (!io->loop)
        return;
    (void)io->loop->lib->event_del(&io->read);
    (void)io->loop->lib->event_del(&io->write);
    *io = (struct loop_io){ 0 };
}
