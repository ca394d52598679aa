#include "base/log.h"
#include "base/encode.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 };

static const char *const prefixes[] = {
    [LOG_LEVEL_ERROR] = "error: ",
    [LOG_LEVEL_WARN] = "warning: ",
    [LOG_LEVEL_INFO] = "",
};
static atomic_int highest = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&highest, (int)level);
}

void log_line(enum log_level level, const char *format, ...)
{
    int saved = errno;
    char text[LINE_MAX_BYTES];
    va_list ap;

    if ((int)level > atomic_load(&highest))
        return;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    text_make_safe(text);
    /* One call, so that lines of two threads do not mix. */
    (void)fprintf(stderr, "poterne: %s%s\n", prefixes[level], text);
    errno = saved;
}
