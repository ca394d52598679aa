#include "daemon/listeners.h"

#include <unistd.h>

static int open_one(struct listeners *l, const char *text, const struct listen_options *options,
                    struct err *e)
{
    struct listen_address address;

    if (listen_parse(&address, text, e) || listener_open(&l->one[l->count], &address, options, e))
        return -1;
    l->count++;
    return 0;
}

static int open_socket(struct listeners *l, const struct settings *s,
                       const struct listen_options *options, struct err *e)
{
    struct listen_address address = { .local = true };

    if (strlen(s->socket) > LISTEN_PATH)
        return err_set(e, ERR_INVALID,
                       "socket '%s' is longer than the %d bytes of a unix socket's path", s->socket,
                       LISTEN_PATH);
    memcpy(address.path, s->socket, strlen(s->socket));
    if (listener_open(&l->one[l->count], &address, options, e))
        return -1;
    l->count++;
    return 0;
}

static int adopt(struct listeners *l, struct activation *a, struct err *e)
{
    for (size_t i = 0; i < a->count; i++) {
        int fd = a->fd[i];

        a->fd[i] = -1; /* taken, on failure too */
        if (listener_adopt(&l->one[l->count], fd, e))
            return -1;
        l->count++;
    }
    l->from_manager = true;
    return 0;
}

int listeners_open(struct listeners *l, const struct settings *s, struct activation *a, gid_t group,
                   struct err *e)
{
    struct listen_options options = { .threads = (unsigned)s->threads,
                                      .mode = group == (gid_t)-1 ? 0600 : 0660,
                                      .group = group };

    if (a->count)
        return adopt(l, a, e);
    if (open_socket(l, s, &options, e))
        return -1;
    for (size_t i = 0; i < s->listen.count; i++)
        if (open_one(l, s->listen.text[i], &options, e))
            return -1;
    return 0;
}

void listeners_clear(struct listeners *l)
{
    for (size_t i = 0; i < l->count; i++)
        listener_free(l->one[i]);
    l->count = 0;
}

/* ---- to the front ---- */

struct batch {
    const struct process *to;
    struct buf text;
    struct json_writer w;
    struct channel_fds fds; /* borrowed */
};

static int flush(struct batch *b, struct err *e)
{
    json_put_end(&b->w);
    json_put_end(&b->w);
    return b->fds.count ? channel_send(b->to->channel, buf_slice(&b->text), &b->fds, e) : 0;
}

static void begin(struct batch *b)
{
    buf_reset(&b->text);
    b->fds.count = 0;
    json_writer_init(&b->w, &b->text, false);
    json_put_object(&b->w, NULL);
    json_put_array(&b->w, "sockets");
}

static int add(struct batch *b, const struct listener_socket *socket, struct err *e)
{
    if (b->fds.count == CHANNEL_FDS) {
        if (flush(b, e))
            return -1;
        begin(b);
    }
    json_put_int(&b->w, NULL, socket->thread == LISTENER_ALL ? -1 : (int64_t)socket->thread);
    b->fds.fd[b->fds.count++] = socket->fd;
    return 0;
}

int listeners_send(const struct listeners *l, const struct process *p, struct err *e)
{
    struct batch b = { .to = p };
    int rc = 0;

    begin(&b);
    for (size_t i = 0; !rc && i < l->count; i++) {
        size_t count;
        const struct listener_socket *sockets = listener_sockets(l->one[i], &count);

        for (size_t k = 0; !rc && k < count; k++)
            rc = add(&b, &sockets[k], e);
    }
    if (!rc)
        rc = flush(&b, e);
    buf_clear(&b.text);
    return rc;
}

void listeners_describe(const struct listeners *l, struct buf *out)
{
    for (size_t i = 0; i < l->count; i++) {
        buf_add_str(out, i ? ", " : "");
        listener_describe(l->one[i], out);
    }
}
