#include "cli/run.h"

#include "api/client_login.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/confirm.h"
#include "cli/place.h"
#include "cli/render.h"
#include "cli/request.h"
#include "cli/text.h"
#include <limits.h>
#include <unistd.h>

struct run {
    const struct command *command;
    struct voice *voice;
    struct json *args;
    struct client client;
    struct renderer renderer;
    struct json *reply;
    bool printed; /* text went to stdout as it is */
};

static void run_clear(struct run *r)
{
    json_free(r->args);
    json_free(r->reply);
    renderer_clear(&r->renderer);
}

/* ---- what the client calls back ---- */

static void on_progress(const char *text, void *ctx)
{
    const struct run *r = ctx;

    say_progress(r->voice, text);
}

static void on_warning(const char *text, void *ctx)
{
    const struct run *r = ctx;

    say_warning(r->voice, text);
}

static void on_waiting(void *ctx)
{
    const struct run *r = ctx;

    say_line(r->voice, slice_str("waiting for another command on this state directory ..."));
}

static int on_print(struct slice text, void *ctx, struct err *e)
{
    struct run *r = ctx;
    CLEANUP(buf_clear) struct buf out = { 0 };

    r->printed = true;
    buf_add_slice(&out, text);
    return write_stdout(r->voice, &out, e);
}

static int on_flush(struct buf *out, void *ctx, struct err *e)
{
    struct run *r = ctx;

    return write_stdout(r->voice, out, e);
}

/* ---- after the work ---- */

static void say_done(const struct run *r, const struct json_value *reply)
{
    const struct json_value *changed = json_get(reply, "changed");
    const char *text = r->command->done;
    CLEANUP(buf_clear) struct buf line = { 0 };

    if (changed && !json_bool(changed, true) && r->command->same)
        text = r->command->same;
    if (json_bool(json_get(reply, "dry_run"), false) && r->command->would)
        text = r->command->would;
    if (!text)
        return;
    text_expand(&line, text, reply, json_root(r->args));
    say_line(r->voice, buf_slice(&line));
}

static bool is_table(const struct run *r)
{
    return r->renderer.format == FORMAT_TABLE || r->renderer.format == FORMAT_WIDE;
}

/* ---- the two ways ---- */

static int fetch_page(const char *cursor, struct json **page, void *ctx, struct err *e)
{
    struct run *r = ctx;
    CLEANUP(buf_clear) struct buf path = { 0 };

    request_path(&path, r->command, json_root(r->args), cursor);
    return client_call(&r->client, r->command->method, buf_str(&path), slice_of(NULL, 0), page, e);
}

static int run_list(struct run *r, struct err *e)
{
    if (render_list(&r->renderer, fetch_page, r, e))
        return -1;
    if (is_table(r) && r->renderer.rows == 0 && r->command->empty)
        say_line(r->voice, slice_str(r->command->empty));
    return 0;
}

struct following {
    struct run *run;
    struct table table;
};

static int show_event(const char *type, const struct json_value *object, void *ctx, struct err *e)
{
    struct following *f = ctx;

    return render_event(&f->run->renderer, &f->table, type, object, e);
}

/* Until somebody ends it. */
static int run_watch(struct run *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    struct following f = { .run = r };

    request_path(&path, r->command, json_root(r->args), NULL);
    return client_watch(&r->client, buf_str(&path), show_event, &f, e);
}

static int run_request(struct run *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };

    request_path(&path, r->command, json_root(r->args), NULL);
    request_body(&body, r->command, json_root(r->args));
    if (client_call(&r->client, r->command->method, buf_str(&path), buf_slice(&body), &r->reply, e))
        return -1;
    if (render_object(&r->renderer, json_root(r->reply), e))
        return -1;
    say_done(r, json_root(r->reply));
    return 0;
}

static int show_local(struct run *r, struct client_result *result, struct err *e)
{
    if (result->stdout_text.len) {
        r->printed = true;
        return write_stdout(r->voice, &result->stdout_text, e);
    }
    return r->printed ? 0 : render_object(&r->renderer, json_root(r->reply), e);
}

static int run_local(struct run *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct client_result result = { 0 };
    struct json_limits limits = { .bytes = BUF_MAX };
    struct json_writer w;
    int rc;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "apiVersion", "poterne/v1");
    json_put_text(&w, "kind", r->command->kind);
    rc = r->command->local(&r->client, json_root(r->args), &w, &result, e);
    json_put_end(&w);
    if (!rc)
        rc = json_parse(&r->reply, buf_slice(&text), &limits, e);
    if (!rc)
        rc = show_local(r, &result, e);
    if (!rc && result.exit == 0 && !r->printed)
        say_done(r, json_root(r->reply));
    buf_clear(&result.stdout_text);
    return rc ? -1 : result.exit;
}

/* ---- all together ---- */

int run_state(const struct line *line, char **path, struct err *e)
{
    const char *given = line_text(line, "state");
    char cwd[PATH_MAX];

    if (!given)
        given = getenv("POTERNE_STATE");
    if (!given || !given[0])
        return client_state_default(path, e);
    if (given[0] == '/') {
        *path = xstrdup(given);
        return 0;
    }
    if (!getcwd(cwd, sizeof cwd))
        return err_errno(e, "find the current folder");
    *path = xasprintf("%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, given);
    return 0;
}

static void init_renderer(struct run *r, const struct line *line)
{
    r->renderer = (struct renderer){ .command = line->command,
                                     .format = line_format(line),
                                     .color = color_wanted(line, STDOUT_FILENO),
                                     .now = clock_wall(),
                                     .flush = on_flush,
                                     .ctx = r };
}

static int read_args(struct run *r, const struct line *line, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    line_json(line, &text);
    return json_parse(&r->args, buf_slice(&text), NULL, e);
}

int run_command(const struct line *line, struct voice *voice, struct err *e)
{
    CLEANUP(run_clear) struct run r = { .command = line->command, .voice = voice };
    CLEANUP(place_clear) struct place place = { 0 };
    CLEANUP(door_closep) struct door *door = NULL;
    char program[PATH_MAX] = "poterne";

    if (read_args(&r, line, e) || confirm(line, json_root(r.args), e) ||
        place_find(&place, line, e))
        return -1;
    place.options.api.waiting = on_waiting;
    place.options.api.ctx = &r;
    if (door_open(&door, &place.options, e))
        return -1;
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        (void)snprintf(program, sizeof program, "poterne"); /* found by PATH then */
    init_renderer(&r, line);
    r.client = (struct client){ .door = door,
                                .accept_clock = line_flag(line, "accept_clock"),
                                .state = place.state,
                                .program = program,
                                .progress = on_progress,
                                .warn = on_warning,
                                .ctx = &r,
                                .print = on_print };
    if (place.context && !r.command->offline &&
        client_login_renew(&r.client, &place.contexts, place.context, clock_wall(), e))
        return -1;
    if (r.command->local)
        return run_local(&r, e);
    if (line_flag(line, "watch"))
        return run_watch(&r, e);
    return r.command->fields ? run_request(&r, e) : run_list(&r, e);
}
