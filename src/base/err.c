#include "base/err.h"
#include "base/encode.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ERR_TEXT = sizeof(((struct err *)0)->msg) };

/* clang-format off */
static const struct err_kind kinds[ERR_CODES] = {
    [ERR_NONE]        = { "none",        "No error",                            200, 0 },
    [ERR_INVALID]     = { "invalid",     "The request is not valid",            400, 2 },
    [ERR_NOT_FOUND]   = { "not-found",   "There is no such thing",              404, 3 },
    [ERR_CONFLICT]    = { "conflict",    "It exists already and differs",       409, 4 },
    [ERR_REFUSED]     = { "refused",     "This is not allowed",                 403, 5 },
    [ERR_ANONYMOUS]   = { "anonymous",   "It is not known who asks",            401, 5 },
    [ERR_LIMIT]       = { "limit",       "This is more than a limit allows",    413, 1 },
    [ERR_RATE]        = { "rate",        "This was asked too often",            429, 1 },
    [ERR_UNREACHABLE] = { "unreachable", "The other side does not answer",      503, 8 },
    [ERR_CORRUPT]     = { "corrupt",     "Stored data is damaged",              500, 1 },
    [ERR_BUSY]        = { "busy",        "Somebody else is at it, try again",   503, 1 },
    [ERR_IO]          = { "io",          "The operating system reports a fault", 500, 1 },
    [ERR_INTERNAL]    = { "internal",    "A fault of poterne itself",           500, 1 },
    [ERR_METHOD]      = { "method",      "The path takes other methods",        405, 2 },
    [ERR_TYPE]        = { "type",        "The body is of a type that is not read here", 415, 2 },
    [ERR_ACCEPT]      = { "accept",      "There is no answer of a type that you accept", 406, 2 },
    [ERR_STALE]       = { "stale",       "It was changed meanwhile",            412, 4 },
    [ERR_GONE]        = { "gone",        "It is not known any more",            410, 3 },
    [ERR_REUSED]      = { "reused",      "The Idempotency-Key came with another request", 422, 4 },
};
/* clang-format on */

/*
 * The text may hold what a peer sent, and an argument may lie in e->msg itself: so it is built
 * aside, made safe for a terminal and a log, and only then copied.
 */
static void keep(struct err *e, char *text)
{
    text_make_safe(text);
    memcpy(e->msg, text, strlen(text) + 1);
}

static void append(char text[ERR_TEXT], const char *more)
{
    size_t used = strlen(text), len = strnlen(more, ERR_TEXT - 1 - used);

    memcpy(text + used, more, len);
    text[used + len] = '\0';
}

int err_set(struct err *e, enum err_code code, const char *format, ...)
{
    char text[ERR_TEXT];
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    keep(e, text);
    e->code = code;
    e->field[0] = '\0';
    return -1;
}

int err_wrap(struct err *e, const char *format, ...)
{
    char text[ERR_TEXT];
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    append(text, ": ");
    append(text, err_text(e));
    keep(e, text);
    if (e->code == ERR_NONE) /* a failure that nobody named is a fault of ours, never a success */
        e->code = ERR_INTERNAL;
    return -1;
}

int err_errno(struct err *e, const char *format, ...)
{
    int saved = errno;
    char text[ERR_TEXT], reason[128];
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    append(text, ": ");
    append(text, strerror_r(saved, reason, sizeof reason));
    keep(e, text);
    e->code = saved == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    e->field[0] = '\0';
    return -1;
}

int err_field(struct err *e, const char *name)
{
    char whole[sizeof e->field];

    if (!e)
        return -1;
    (void)snprintf(whole, sizeof whole, e->field[0] ? "%.31s.%.31s" : "%.63s%s", name, e->field);
    text_make_safe(whole);
    memcpy(e->field, whole, sizeof whole);
    return -1;
}

int err_pass(struct err *e, const struct err *why)
{
    if (e)
        *e = *why;
    return -1;
}

const char *err_text(const struct err *e)
{
    return e && e->msg[0] ? e->msg : kinds[e ? e->code : ERR_NONE].title;
}

const struct err_kind *err_kind(enum err_code code)
{
    assert((unsigned)code < ERR_CODES);
    return &kinds[code];
}

enum err_code err_code_of_name(const char *name)
{
    for (int code = 0; name && code < ERR_CODES; code++)
        if (strcmp(kinds[code].name, name) == 0)
            return (enum err_code)code;
    return ERR_INTERNAL;
}
