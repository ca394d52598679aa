#include "api/client.h"

#include <unistd.h>

/* What a stream says, however often it breaks off: it is taken up again where it stopped. */
enum { LONGEST_LINE = 8 << 20, PAUSE_S = 1, LONGEST_PAUSE_S = 30 };

struct watching {
    client_event *event;
    void *ctx;
    struct buf line;  /* what came of a line that is not whole yet */
    int64_t sequence; /* to go on from; -1: from the beginning */
    bool heard;       /* something came since the last connection */
};

static int take_line(struct watching *w, struct slice line, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *type;
    int64_t sequence;

    if (json_parse(&doc, line, NULL, e) || json_want_text(json_root(doc), "type", &type, e) ||
        json_want_int(json_root(doc), "sequence", &sequence, e))
        return err_wrap(e, "a line of the stream");
    w->heard = true;
    if (sequence > 0)
        w->sequence = sequence;
    if (strcmp(type, "BOOKMARK") == 0)
        return 0;
    return w->event(type, json_get(json_root(doc), "object"), w->ctx, e);
}

static int take_part(struct slice part, void *ctx, struct err *e)
{
    struct watching *w = ctx;
    struct slice line;

    while (slice_cut(&part, '\n', &line)) {
        buf_add_slice(&w->line, line);
        if (buf_check(&w->line, e) || take_line(w, buf_slice(&w->line), e))
            return -1;
        buf_reset(&w->line);
    }
    buf_add_slice(&w->line, part);
    if (w->line.len > LONGEST_LINE)
        return err_set(e, ERR_LIMIT, "a line of the stream is longer than %d bytes", LONGEST_LINE);
    return buf_check(&w->line, e);
}

static int follow(struct client *client, const char *path, struct watching *w, struct err *e)
{
    CLEANUP(api_response_clear) struct api_response response = { 0 };
    CLEANUP(buf_clear) struct buf whole = { 0 };
    struct door_watching watching = { take_part, w };
    struct api_request request = { .method = HTTP_GET, .caller = { .via = API_VIA_PROCESS } };

    buf_addf(&whole, "%s%cwatch=1", path, strchr(path, '?') ? '&' : '?');
    if (w->sequence >= 0)
        buf_addf(&whole, "&since=%lld", (long long)w->sequence);
    request.path = buf_str(&whole);
    buf_reset(&w->line);
    if (door_watch(client->door, &request, &watching, &response, e))
        return -1;
    if (response.status >= 400)
        return client_read_response(NULL, client, &response, e);
    if (!w->heard) /* a stream says at least where it stands */
        return err_set(e, ERR_INVALID, "the list '%s' is not followed there", path);
    return 0;
}

int client_watch(struct client *client, const char *path, client_event *event, void *ctx,
                 struct err *e)
{
    struct watching w = { .event = event, .ctx = ctx, .sequence = -1 };
    unsigned pause = PAUSE_S;
    bool ever = false;
    int rc = 0;

    while (!rc) {
        struct err why = { 0 };

        w.heard = false;
        if (follow(client, path, &w, &why) == 0)
            continue;
        ever = ever || w.heard;
        if (why.code == ERR_GONE)
            w.sequence = -1;
        else if (why.code == ERR_UNREACHABLE && ever)
            (void)sleep(pause);
        else
            rc = err_pass(e, &why);
        pause = w.heard ? PAUSE_S : pause * 2 > LONGEST_PAUSE_S ? LONGEST_PAUSE_S : pause * 2;
    }
    buf_clear(&w.line);
    return rc;
}
