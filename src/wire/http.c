#include "wire/http.h"

#include "base/alloc.h"
#include <assert.h>
#include <stdarg.h>
#include <string.h>

const struct http_limits http_default_limits = {
    .target = 8 << 10,
    .head = 32 << 10,
    .fields = 100,
    .body = 32 << 20,
    .streams = 100,
    .queued = 1 << 20,
};

const char *http_method_name(enum http_method method)
{
    static const char *const names[HTTP_METHODS] = { "GET",   "HEAD",   "POST",   "PUT",
                                                     "PATCH", "DELETE", "OPTIONS" };

    return names[method];
}

/* RFC 9110 section 15, those that we send. */
static const struct {
    int status;
    const char *text;
} statuses[] = {
    { 100, "Continue" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
    { 507, "Insufficient Storage" },
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].text;
    return "";
}

struct slice http_request_field(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->field_count; i++)
        if (slice_eq(request->field[i].name, slice_str(name)))
            return request->field[i].value;
    return slice_of(NULL, 0);
}

void http_response_clear(struct http_response *response)
{
    for (size_t i = 0; i < response->field_count; i++)
        free(response->field[i].value);
    buf_clear(&response->body);
    *response = (struct http_response){ 0 };
}

void http_response_add(struct http_response *response, const char *name, const char *format, ...)
{
    char text[128], *value;
    va_list args;
    int len;

    assert(response->field_count < HTTP_RESPONSE_FIELDS);
    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(len >= 0);
    value = xcalloc((size_t)len + 1, 1);
    if ((size_t)len < sizeof text) {
        memcpy(value, text, (size_t)len);
    } else {
        va_start(args, format);
        (void)vsnprintf(value, (size_t)len + 1, format, args);
        va_end(args);
    }
    assert(!strpbrk(value, "\r\n"));
    response->field[response->field_count++] =
        (struct http_response_field){ .name = name, .value = value };
}
