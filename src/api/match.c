#include "api/match.h"

#include "api/watch.h"
#include "base/alloc.h"
#include "base/encode.h"

void match_clear(struct match *m)
{
    for (size_t i = 0; i < ARRAY_LEN(m->param); i++)
        free(m->param[i]);
    *m = (struct match){ 0 };
}

/* RFC 3986 2.1; a NUL, and bytes that are not UTF-8, are refused. */
static int percent_decode(struct buf *out, struct slice text, struct err *e)
{
    for (size_t i = 0; i < text.len; i++) {
        CLEANUP(buf_clear) struct buf byte = { 0 };

        if (text.ptr[i] != '%') {
            buf_add_byte(out, text.ptr[i]);
            continue;
        }
        if (i + 2 >= text.len || hex_decode(&byte, slice_of(text.ptr + i + 1, 2), NULL))
            return err_set(e, ERR_INVALID, "broken percent-encoding in the path");
        buf_add_slice(out, buf_slice(&byte));
        i += 2;
    }
    if (slice_has_nul(buf_slice(out)) || !utf8_valid(buf_slice(out)))
        return err_set(e, ERR_INVALID, "the path holds a NUL or is not UTF-8");
    return 0;
}

/* Segment by segment; {name} takes any segment that is not empty. */
static bool path_matches(const char *pattern, struct slice path, struct slice params[3],
                         size_t *count)
{
    struct slice want = slice_str(pattern), w, p;
    bool more_w = true, more_p = true;

    *count = 0;
    while (more_w && more_p) {
        more_w = slice_cut(&want, '/', &w);
        more_p = slice_cut(&path, '/', &p);
        if (!more_w)
            w = want;
        if (!more_p)
            p = path;
        if (slice_starts(w, "{")) {
            if (!p.len || *count == 3)
                return false;
            params[(*count)++] = p;
        } else if (!slice_eq(w, p)) {
            return false;
        }
    }
    return !more_w && !more_p;
}

/* A path that answers GET answers HEAD, and each path answers OPTIONS (RFC 9110 9.3). */
static void allow(struct match *m, const char *method)
{
    size_t used = strlen(m->allow);

    (void)snprintf(m->allow + used, sizeof m->allow - used, "%s%s", used ? ", " : "", method);
    if (strcmp(method, "GET") == 0)
        allow(m, "HEAD");
}

static int take_params(struct match *m, const struct slice *params, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (percent_decode(&text, params[i], e))
            return -1;
        m->param[i] = xstrdup(buf_str(&text));
    }
    return 0;
}

int match_find(struct match *m, enum http_method method, struct slice path, struct err *e)
{
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    struct slice params[3];
    size_t count;

    for (size_t i = 0; i < route_count; i++) {
        if (!path_matches(routes[i].path, path, params, &count))
            continue;
        allow(m, http_method_name(routes[i].method));
        if (m->route || routes[i].method != wanted)
            continue;
        m->route = &routes[i];
        if (take_params(m, params, count, e))
            return -1;
    }
    if (!m->allow[0])
        return err_set(e, ERR_NOT_FOUND, "no route %s '" SLICE_FMT "'", http_method_name(method),
                       SLICE_ARG(path));
    allow(m, "OPTIONS");
    if (m->route || method == HTTP_OPTIONS)
        return 0;
    return err_set(e, ERR_METHOD, "no %s on '" SLICE_FMT "': it takes %s", http_method_name(method),
                   SLICE_ARG(path), m->allow);
}

static bool names_hold(const char *list, struct slice name)
{
    struct slice names = slice_str(list), one;

    while (slice_cut(&names, ' ', &one))
        if (slice_eq(one, name))
            return true;
    return name.len && slice_eq(names, name);
}

static bool query_takes(const struct route *route, struct slice name)
{
    return names_hold(route->query, name) ||
           (route->flags & ROUTE_REVISION && slice_eq_str(name, "revision")) ||
           (watch_is_offered(route) &&
            (slice_eq_str(name, "watch") || slice_eq_str(name, "since")));
}

int match_query(struct json **ret, const struct route *route, struct slice query, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_writer w;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    while (query.len) {
        CLEANUP(buf_clear) struct buf value = { 0 };
        struct slice pair, name;
        char key[32];

        if (!slice_cut(&query, '&', &pair)) {
            pair = query;
            query.len = 0;
        }
        if (!slice_cut(&pair, '=', &name)) { /* "?verbose" */
            name = pair;
            pair = slice_str("");
        }
        if (!query_takes(route, name) || name.len >= sizeof key)
            return err_set(e, ERR_INVALID,
                           "query parameter '" SLICE_FMT "' is unknown here; it takes: %s",
                           (int)(name.len < 32 ? name.len : 32), (const char *)name.ptr,
                           route->query[0] ? route->query : "none");
        if (percent_decode(&value, pair, e))
            return -1;
        (void)snprintf(key, sizeof key, SLICE_FMT, SLICE_ARG(name));
        json_put_slice(&w, key, buf_slice(&value));
    }
    json_put_end(&w);
    return json_parse(ret, buf_slice(&text), NULL, e);
}
