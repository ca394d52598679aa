#ifndef WIRE_HTTP_SYNTAX_H
#define WIRE_HTTP_SYNTAX_H

#include "base/slice.h"
#include "wire/http.h"

/* What both versions of HTTP hold a request's parts against. */
enum http_class {
    HTTP_TOKEN = 1,  /* tchar: RFC 9110 section 5.6.2 */
    HTTP_TARGET = 2, /* path and query: RFC 3986 section 3.3, 3.4 */
    HTTP_VALUE = 4,  /* of a field: RFC 9110 section 5.5, with space and tab */
    HTTP_NAME = 8,   /* of a host: unreserved, RFC 3986 section 2.3 */
};
extern const uint8_t http_class[256];

/* How many bytes at the start are of that class. */
static inline size_t http_span(struct slice s, enum http_class class)
{
    size_t n = 0;

    while (n < s.len && http_class[s.ptr[n]] & class)
        n++;
    return n;
}

/* HTTP_METHODS for one that we do not know. */
enum http_method http_method_find(struct slice name);
/* Origin-form (RFC 9112 section 3.2.1), or `*` of OPTIONS. NULL: it is one; else what is wrong. The
 * second looks at the form alone: the bytes are of HTTP_TARGET. */
const char *http_target_fault(enum http_method method, struct slice target);
const char *http_target_form_fault(enum http_method method, struct slice target);
/* A host name, an IPv4 address or an IP literal, with or without a port: RFC 3986 section 3.2.2. */
bool http_host_valid(struct slice host);
bool http_slice_is(struct slice s, const char *text); /* without regard to case */
/* Digits alone, at most 19 of them: RFC 9110 section 8.6. */
bool http_length_parse(struct slice text, uint64_t *length);

#endif
