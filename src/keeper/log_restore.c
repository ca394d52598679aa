#include "base/clock.h"
#include "base/encode.h"
#include "crypto/hash.h"
#include "keeper/keeper_data.h"
#include "keeper/log.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What a taken-over caller could otherwise win by making the keeper start again. The lines are the
 * keeper's own, so they are looked at and not parsed: a quote within a text is escaped.
 */
enum { FIRST_WINDOW = 256 << 10, TIME_TEXT = 20 };

static const uint8_t *find(struct slice line, const char *what, size_t behind)
{
    const uint8_t *at = memmem(line.ptr, line.len, what, strlen(what));

    if (!at || (size_t)(line.ptr + line.len - at) < strlen(what) + behind)
        return NULL;
    return at + strlen(what);
}

static bool line_time(struct slice line, int64_t *time)
{
    const uint8_t *at = find(line, "\"time\":\"", TIME_TEXT);

    return at && time_parse(time, slice_of(at, TIME_TEXT), NULL) == 0;
}

/* Appends what is there from `from` on, two lines at least; nothing at the end. */
static int read_at(int fd, struct buf *room, off_t from, struct err *e)
{
    uint8_t *at = buf_room(room, 2 * KEEPER_LOG_LINE);
    ssize_t n;

    if (!at)
        return buf_check(room, e);
    do
        n = pread(fd, at, 2 * KEEPER_LOG_LINE, from);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(e, "read it");
    room->len += (size_t)n;
    return 0;
}

/* Whether the first line that begins behind `from` is older than `since`. */
static int is_older(int fd, off_t from, int64_t since, bool *older, struct err *e)
{
    CLEANUP(buf_clear) struct buf room = { 0 };
    struct slice rest, line;
    int64_t time;

    if (read_at(fd, &room, from, e))
        return -1;
    rest = buf_slice(&room);
    *older = slice_cut(&rest, '\n', &line) && slice_cut(&rest, '\n', &line) &&
             line_time(line, &time) && time < since;
    return 0;
}

static int find_start(int fd, off_t size, int64_t since, off_t *from, struct err *e)
{
    for (off_t window = FIRST_WINDOW; window < size; window *= 2) {
        bool older;

        *from = size - window;
        if (is_older(fd, *from, since, &older, e))
            return -1;
        if (older)
            return 0;
    }
    *from = 0;
    return 0;
}

static void count_line(struct keeper *keeper, struct slice line, int64_t since)
{
    CLEANUP(buf_clear) struct buf key = { 0 };
    const uint8_t *issuer = find(line, "\"issuer\":\"", 2 * SHA256_LEN);
    int64_t time;

    if (!issuer || !find(line, "\"type\":\"certificate\"", 0) || !line_time(line, &time) ||
        time < since || hex_decode(&key, slice_of(issuer, 2 * SHA256_LEN), NULL))
        return;
    rate_restore(keeper, key.ptr, time);
}

/* The whole lines in `room`; what is behind them stays. */
static void count_lines(struct keeper *keeper, struct buf *room, int64_t since)
{
    struct slice rest = buf_slice(room), line;

    while (slice_cut(&rest, '\n', &line))
        count_line(keeper, line, since);
    if (rest.len)
        memmove(room->ptr, rest.ptr, rest.len);
    room->len = rest.len;
}

int keeper_log_restore(int fd, struct keeper *keeper, int64_t now, struct err *e)
{
    CLEANUP(buf_clear) struct buf room = { 0 };
    int64_t since = now - HOURS(1);
    struct stat info;
    off_t from;

    if (fstat(fd, &info))
        return err_errno(e, "look at it");
    if (find_start(fd, info.st_size, since, &from, e))
        return -1;
    while (from < info.st_size) {
        size_t kept = room.len;

        if (read_at(fd, &room, from, e))
            return -1;
        if (room.len == kept)
            break;
        from += (off_t)(room.len - kept);
        count_lines(keeper, &room, since);
        if (room.len > KEEPER_LOG_LINE)
            return err_set(e, ERR_CORRUPT, "a line of over %d bytes", KEEPER_LOG_LINE);
    }
    return 0;
}
