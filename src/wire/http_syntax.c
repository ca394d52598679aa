#include "wire/http_syntax.h"

#include <string.h>
#include <strings.h>

/* clang-format off */
const uint8_t http_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    4, 7, 4, 5, 7, 7, 7, 7, 6, 6, 7, 7, 6, 15, 15, 6,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 4, 6, 4, 6,
    6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 4, 4, 4, 5, 15,
    5, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 4, 5, 4, 15, 0,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,};
/* clang-format on */

enum http_method http_method_find(struct slice name)
{
    for (enum http_method m = 0; m < HTTP_METHODS; m++)
        if (slice_eq_str(name, http_method_name(m)))
            return m;
    return HTTP_METHODS;
}

const char *http_target_form_fault(enum http_method method, struct slice target)
{
    if (target.len && target.ptr[0] == '/')
        return NULL;
    if (method == HTTP_OPTIONS && slice_eq_str(target, "*"))
        return NULL;
    return "the request target must be a path that begins with '/'";
}

const char *http_target_fault(enum http_method method, struct slice target)
{
    const char *fault = http_target_form_fault(method, target);

    if (fault)
        return fault;
    if (http_span(target, HTTP_TARGET) < target.len)
        return "the request target holds a byte that must be percent-encoded";
    return NULL;
}

static bool port_valid(struct slice port)
{
    unsigned number = 0;

    if (port.len == 0 || port.len > 5)
        return false;
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
        number = number * 10 + port.ptr[i] - '0';
    }
    return number <= 65535;
}

/* What stands between the brackets: an IPv6 address by its alphabet; who uses it parses it. */
static bool literal_valid(struct slice literal)
{
    static const char alphabet[] = "0123456789abcdefABCDEF:.";

    for (size_t i = 0; i < literal.len; i++)
        if (!literal.ptr[i] || !strchr(alphabet, literal.ptr[i]))
            return false;
    return literal.len >= 2 && literal.len <= 45;
}

bool http_host_valid(struct slice host)
{
    size_t name = http_span(host, HTTP_NAME);
    struct slice port;

    if (host.len && host.ptr[0] == '[') {
        const uint8_t *end = memchr(host.ptr, ']', host.len);

        name = end ? (size_t)(end - host.ptr) + 1 : 0;
        if (!end || !literal_valid(slice_of(host.ptr + 1, name - 2)))
            return false;
    }
    if (name == 0 || name > 255)
        return false;
    port = slice_of(host.ptr + name, host.len - name);
    return port.len == 0 ||
           (port.ptr[0] == ':' && port_valid(slice_of(port.ptr + 1, port.len - 1)));
}

bool http_slice_is(struct slice s, const char *text)
{
    return s.len == strlen(text) && strncasecmp((const char *)s.ptr, text, s.len) == 0;
}

bool http_length_parse(struct slice text, uint64_t *length)
{
    uint64_t n = 0;

    /* 19 digits fit into 64 bits. */
    if (text.len == 0 || text.len > 19)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = n * 10 + text.ptr[i] - '0';
    }
    *length = n;
    return true;
}
