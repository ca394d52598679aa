#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static const struct {
    const char *prefix, *name;
} levels[] = {
    [LOG_LEVEL_ERROR] = { "error: ", "error" },
    [LOG_LEVEL_WARN] = { "warning: ", "warning" },
    [LOG_LEVEL_INFO] = { "", "info" },
};
static atomic_int highest = LOG_LEVEL_INFO;
static atomic_bool as_json;
static _Atomic(const char *) process_name;

void log_set_level(enum log_level level)
{
    atomic_store(&highest, (int)level);
}

bool log_wants(enum log_level level)
{
    return (int)level <= atomic_load(&highest);
}

void log_set_json(bool json, const char *process)
{
    atomic_store(&as_json, json);
    atomic_store(&process_name, process);
}

/* The text is safe: only these two need more. */
static void put_quoted(struct buf *line, const char *text)
{
    buf_add_byte(line, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_byte(line, '\\');
        buf_add_byte(line, (uint8_t)*text);
    }
    buf_add_byte(line, '"');
}

static void begin_json(struct buf *line, enum log_level level)
{
    const char *process = atomic_load(&process_name);

    buf_add_str(line, "{\"time\":\"");
    time_format(line, clock_wall());
    buf_addf(line, "\",\"level\":\"%s\",", levels[level].name);
    if (process)
        buf_addf(line, "\"process\":\"%s\",", process);
}

/* One call, so that lines of two threads do not mix. A log that cannot be written is no failure of
 * what is logged. */
static void put_line(struct buf *line)
{
    buf_add_byte(line, '\n');
    while (write(STDERR_FILENO, line->ptr, line->len) < 0 && errno == EINTR)
        continue;
}

void log_event(enum log_level level, const char *text, const char *members)
{
    int saved = errno;
    CLEANUP(buf_clear) struct buf line = { 0 };

    if (!log_wants(level))
        return;
    if (atomic_load(&as_json)) {
        begin_json(&line, level);
        buf_addf(&line, "%s}", members);
    } else {
        buf_addf(&line, "poterne: %s%s", levels[level].prefix, text);
    }
    put_line(&line);
    errno = saved;
}

void log_line(enum log_level level, const char *format, ...)
{
    int saved = errno;
    CLEANUP(buf_clear) struct buf members = { 0 };
    char text[LINE_MAX_BYTES];
    va_list ap;

    if (!log_wants(level))
        return;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    text_make_safe(text);
    if (atomic_load(&as_json)) {
        buf_add_str(&members, "\"message\":");
        put_quoted(&members, text);
    }
    errno = saved;
    log_event(level, text, buf_str(&members));
}
