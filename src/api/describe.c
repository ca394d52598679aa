#include "api/form.h"
#include "api/handlers.h"
#include "api/watch.h"

/* OpenAPI 3.1 out of the tables of routes and of what requests hold (api/form.h). Of replies the
 * kind is described, and what every one of that form has: the rest is shown by the documentation
 * and held by golden files. */

static void put_parameter(struct json_writer *w, const char *in, struct slice name)
{
    json_put_object(w, NULL);
    json_put_slice(w, "name", name);
    json_put_text(w, "in", in);
    json_put_bool(w, "required", strcmp(in, "path") == 0);
    json_put_object(w, "schema");
    json_put_text(w, "type", "string");
    json_put_end(w);
    json_put_end(w);
}

static void put_parameters(struct json_writer *w, const struct route *route)
{
    struct slice path = slice_str(route->path), query = slice_str(route->query), head, name;
    bool more = query.len > 0;

    json_put_array(w, "parameters");
    while (slice_cut(&path, '{', &head) && slice_cut(&path, '}', &name))
        put_parameter(w, "path", name);
    while (more) {
        more = slice_cut(&query, ' ', &name);
        put_parameter(w, "query", more ? name : query);
    }
    if (watch_is_offered(route)) {
        put_parameter(w, "query", slice_str("watch"));
        put_parameter(w, "query", slice_str("since"));
    }
    if (route->flags & ROUTE_REVISION)
        put_parameter(w, "query", slice_str("revision"));
    json_put_end(w);
}

static void put_content(struct json_writer *w, const char *type, const char *schema)
{
    CLEANUP(buf_clear) struct buf reference = { 0 };

    buf_addf(&reference, "#/components/schemas/%s", schema);
    json_put_object(w, "content");
    json_put_object(w, type);
    json_put_object(w, "schema");
    json_put_slice(w, "$ref", buf_slice(&reference));
    json_put_end(w);
    json_put_end(w);
    json_put_end(w);
}

static void put_response(struct json_writer *w, const char *status, const char *type,
                         const char *schema)
{
    json_put_object(w, status);
    json_put_text(w, "description", schema);
    put_content(w, type, schema);
    json_put_end(w);
}

/* What is no object of ours; a check says the same when something is wrong: 503. */
static void put_raw_response(struct json_writer *w, const struct route *route, const char *status)
{
    json_put_object(w, status);
    json_put_text(w, "description", route->summary);
    json_put_object(w, "content");
    json_put_object(w, route->kind);
    json_put_object(w, "schema");
    json_put_text(w, "type", strcmp(route->kind, "application/json") == 0 ? "object" : "string");
    json_put_end(w);
    json_put_end(w);
    json_put_end(w);
    json_put_end(w);
}

static void put_raw_responses(struct json_writer *w, const struct route *route)
{
    put_raw_response(w, route, "200");
    if (strcmp(route->kind, "text/plain") == 0)
        put_raw_response(w, route, "503");
}

/* "listClusters" would be a second name to keep: the method and the path are one already. */
static void put_id(struct json_writer *w, const struct route *route)
{
    CLEANUP(buf_clear) struct buf id = { 0 };

    buf_add_str(&id, http_method_name(route->method));
    for (const char *c = route->path + (slice_starts(slice_str(route->path), "/v1/") ? 3 : 0); *c;
         c++)
        if (*c != '{' && *c != '}')
            buf_add_byte(&id, *c == '/' ? '_' : (uint8_t)*c);
    json_put_slice(w, "operationId", buf_slice(&id));
}

/* ---- requests ---- */

static void put_type(struct json_writer *w, const struct member *m);

static void put_object(struct json_writer *w, const struct member *members, bool open)
{
    json_put_text(w, "type", "object");
    if (!members)
        return;
    json_put_object(w, "properties");
    for (const struct member *m = members; m->name; m++) {
        json_put_object(w, m->name);
        put_type(w, m);
        json_put_text(w, "description", m->help);
        json_put_end(w);
    }
    json_put_end(w);
    json_put_array(w, "required");
    for (const struct member *m = members; m->name; m++)
        if (m->required)
            json_put_text(w, NULL, m->name);
    json_put_end(w);
    if (!open)
        json_put_bool(w, "additionalProperties", false);
}

static void put_type(struct json_writer *w, const struct member *m)
{
    static const char *const names[] = {
        [MEMBER_TEXT] = "string",     [MEMBER_FLAG] = "boolean",  [MEMBER_NUMBER] = "integer",
        [MEMBER_TEXTS] = "array",     [MEMBER_OBJECT] = "object", [MEMBER_OBJECTS] = "array",
        [MEMBER_DURATION] = "string",
    };

    json_put_text(w, "type", names[m->type]);
    if (m->type == MEMBER_DURATION)
        json_put_text(w, "pattern", "^([0-9]+[smhdwy])+$");
    if (m->type != MEMBER_TEXTS && m->type != MEMBER_OBJECTS)
        return;
    json_put_object(w, "items");
    if (m->type == MEMBER_TEXTS)
        json_put_text(w, "type", "string");
    else
        put_object(w, m->of, false);
    json_put_end(w);
}

static bool wants_body(const struct form *form)
{
    for (const struct member *m = form->members; m->name; m++)
        if (m->required)
            return true;
    return false;
}

static void put_request(struct json_writer *w, const struct route *route)
{
    const struct form *form = form_of(route);

    json_put_object(w, "requestBody");
    json_put_bool(w, "required", form && wants_body(form));
    json_put_object(w, "content");
    json_put_object(w, "application/json");
    json_put_object(w, "schema");
    put_object(w, form ? form->members : NULL, form && form->open);
    json_put_end(w);
    json_put_end(w);
    json_put_end(w);
    json_put_end(w);
    json_put_int(w, "x-poterne-largest-body", (int64_t)route->max_body);
}

static void put_operation(struct json_writer *w, const struct route *route)
{
    static const char *const names[HTTP_METHODS] = {
        [HTTP_GET] = "get",         [HTTP_HEAD] = "head",   [HTTP_POST] = "post",
        [HTTP_PUT] = "put",         [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete",
        [HTTP_OPTIONS] = "options",
    };

    json_put_object(w, names[route->method]);
    put_id(w, route);
    json_put_text(w, "summary", route->summary);
    put_parameters(w, route);
    if (route->max_body)
        put_request(w, route);
    json_put_text(w, "x-poterne-right", right_name(route->right));
    json_put_object(w, "responses");
    if (route->flags & ROUTE_RAW)
        put_raw_responses(w, route);
    else
        put_response(w, "200", "application/json", route->kind);
    if (form_of(route) && !(route->flags & ROUTE_RAW))
        put_response(w, "201", "application/json", route->kind);
    put_response(w, "default", "application/problem+json", "Problem");
    json_put_end(w);
    json_put_end(w);
}

static bool seen_before(size_t at, const char *path)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(routes[i].path, path) == 0)
            return true;
    return false;
}

static void put_paths(struct json_writer *w)
{
    json_put_object(w, "paths");
    for (size_t i = 0; i < route_count; i++) {
        if (seen_before(i, routes[i].path))
            continue;
        json_put_object(w, routes[i].path);
        for (size_t k = i; k < route_count; k++)
            if (strcmp(routes[k].path, routes[i].path) == 0)
                put_operation(w, &routes[k]);
        json_put_end(w);
    }
    json_put_end(w);
}

/* ---- schemas ---- */

static void put_member(struct json_writer *w, const char *name, const char *type,
                       const char *constant)
{
    json_put_object(w, name);
    json_put_text(w, "type", type);
    if (constant)
        json_put_text(w, "const", constant);
    json_put_end(w);
}

static void begin_schema(struct json_writer *w, const char *kind)
{
    json_put_object(w, kind);
    json_put_text(w, "type", "object");
    json_put_array(w, "required");
    json_put_text(w, NULL, "apiVersion");
    json_put_text(w, NULL, "kind");
    json_put_end(w);
    json_put_object(w, "properties");
    put_member(w, "apiVersion", "string", "poterne/v1");
    put_member(w, "kind", "string", kind);
}

static void end_schema(struct json_writer *w)
{
    json_put_end(w);
    json_put_end(w);
}

static void put_errors(struct json_writer *w)
{
    json_put_object(w, "errors");
    json_put_text(w, "type", "array");
    json_put_object(w, "items");
    json_put_text(w, "type", "object");
    json_put_object(w, "properties");
    put_member(w, "field", "string", NULL);
    put_member(w, "detail", "string", NULL);
    json_put_end(w);
    json_put_end(w);
    json_put_end(w);
}

static void put_kind(struct json_writer *w, const struct route *route)
{
    begin_schema(w, route->kind);
    if (slice_ends(slice_str(route->kind), "List")) {
        json_put_object(w, "items");
        json_put_text(w, "type", "array");
        json_put_object(w, "items");
        json_put_text(w, "type", "object");
        json_put_end(w);
        json_put_end(w);
        put_member(w, "next", "string", NULL);
    }
    end_schema(w);
}

static bool kind_seen_before(size_t at, const char *kind)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(routes[i].kind, kind) == 0)
            return true;
    return false;
}

static void put_schemas(struct json_writer *w)
{
    json_put_object(w, "components");
    json_put_object(w, "schemas");
    begin_schema(w, "Problem"); /* RFC 9457 */
    put_member(w, "type", "string", NULL);
    put_member(w, "title", "string", NULL);
    put_member(w, "status", "integer", NULL);
    put_member(w, "detail", "string", NULL);
    put_member(w, "code", "string", NULL);
    put_member(w, "request", "string", NULL);
    put_errors(w);
    end_schema(w);
    for (size_t i = 0; i < route_count; i++)
        if (!(routes[i].flags & ROUTE_RAW) && !kind_seen_before(i, routes[i].kind))
            put_kind(w, &routes[i]);
    json_put_end(w);
    json_put_end(w);
}

void api_describe(struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out, true);
    json_put_object(&w, NULL);
    json_put_text(&w, "openapi", "3.1.0");
    json_put_object(&w, "info");
    json_put_text(&w, "title", "poterne");
    json_put_text(&w, "version", "v1");
    json_put_end(&w);
    put_paths(&w);
    put_schemas(&w);
    json_put_end(&w);
}

int show_description(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    (void)args;
    (void)e;
    api_describe(reply->out);
    return 0;
}
