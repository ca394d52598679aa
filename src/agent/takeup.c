#include "agent/takeup.h"

#include "agent/tree.h"
#include "base/clock.h"
#include "crypto/x509.h"
#include "net/client.h"
#include "net/probe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { NAP_MS = 200, PROBE_MS = 3000, RESTART_SECONDS = 90, MAX_PROC = 64 << 10 };

static int64_t wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = NAP_MS * 1000000L }, NULL);
}

/* ---- processes ---- */

static int read_proc(int proc, const char *pid, const char *name, struct buf *out)
{
    char path[64], chunk[4096];

    (void)snprintf(path, sizeof path, "%.16s/%s", pid, name);
    CLEANUP(fd_closep) int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    buf_reset(out);
    if (fd < 0)
        return -1;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && out->len < MAX_PROC)
        buf_add(out, chunk, (size_t)n);
    return n < 0 || !out->len ? -1 : 0;
}

/* cmdline: arguments, each with a NUL behind it. */
static bool is_process(const struct local_component *c, struct slice cmdline)
{
    struct slice first, rest = cmdline;
    const char *slash;
    bool found = !c->match[0];

    if (!slice_cut(&rest, '\0', &first) || !first.len)
        return false;
    slash = memrchr(first.ptr, '/', first.len);
    if (slash)
        first = slice_of(slash + 1, first.len - (size_t)((const uint8_t *)slash + 1 - first.ptr));
    if (!slice_eq_str(first, c->process))
        return false;
    while (!found && slice_cut(&rest, '\0', &first))
        found = memmem(first.ptr, first.len, c->match, strlen(c->match)) != NULL;
    return found;
}

/* proc(5): field 22 of stat, in clock ticks since boot; the name in brackets may hold anything. */
static int start_of(struct slice stat, int64_t *began)
{
    const char *close = memrchr(stat.ptr, ')', stat.len);
    struct timespec boot;
    struct slice rest, field;
    char text[32] = "";
    int64_t ticks;

    if (!close)
        return -1;
    rest = slice_of(close + 2, stat.len - (size_t)((const uint8_t *)close + 2 - stat.ptr));
    for (int i = 3; i <= 22; i++)
        if (!slice_cut(&rest, ' ', &field))
            return -1;
    (void)snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(field));
    ticks = strtoll(text, NULL, 10);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    *began = wall_ns() - ((int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec) +
             ticks * (1000000000 / sysconf(_SC_CLK_TCK));
    return 0;
}

int takeup_started(const struct local_component *c, int64_t *began, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    DIR *proc = opendir("/proc");
    const struct dirent *entry;
    int64_t oldest = INT64_MAX, one;

    if (!proc)
        return err_errno(e, "look at the processes");
    while ((entry = readdir(proc)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        if (read_proc(dirfd(proc), entry->d_name, "cmdline", &text) ||
            !is_process(c, buf_slice(&text)) ||
            read_proc(dirfd(proc), entry->d_name, "stat", &text) ||
            start_of(buf_slice(&text), &one))
            continue;
        if (one < oldest)
            oldest = one;
    }
    closedir(proc);
    if (oldest == INT64_MAX)
        return err_set(e, ERR_NOT_FOUND, "no process '%s' runs", c->process);
    *began = oldest;
    return 0;
}

/* ---- programs ---- */

static int wait_child(pid_t pid, const char *name, unsigned seconds, struct err *e)
{
    int64_t until = clock_monotonic_ms() + (int64_t)seconds * 1000;
    int status = 0;
    pid_t got;

    while ((got = waitpid(pid, &status, WNOHANG)) == 0 && clock_monotonic_ms() < until)
        nap();
    if (got == 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
        return err_set(e, ERR_IO, "'%s' took longer than %u s", name, seconds);
    }
    if (got < 0)
        return err_errno(e, "wait for '%s'", name);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return err_set(e, ERR_IO, "'%s' ended with %d", name,
                       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

int takeup_run(const char *const *argv, unsigned seconds, struct err *e)
{
    pid_t pid;
    int rc = posix_spawnp(&pid, argv[0], NULL, NULL, (char **)(uintptr_t)argv, environ);

    if (rc) {
        errno = rc;
        return err_errno(e, "run '%s'", argv[0]);
    }
    return wait_child(pid, argv[0], seconds, e);
}

/* ---- static pods ---- */

static const char annotation[] = "poterne.io/taken-up";

static bool line_is(struct slice line, const char *text)
{
    while (line.len && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    return slice_eq_str(line, text);
}

/* What kubeadm, and we, write: block style, two spaces a step. */
int manifest_stamp(struct buf *out, struct slice text, const char *stamp, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    bool in_metadata = false, has_annotations = false, found = false;
    struct slice rest = text, line;
    size_t behind = 0;

    while (slice_cut(&rest, '\n', &line)) {
        struct slice trimmed = slice_trim(line);

        if (line.len && line.ptr[0] != ' ' && line.ptr[0] != '#')
            in_metadata = false;
        if (in_metadata && slice_starts(trimmed, annotation))
            continue; /* ours, of the time before */
        buf_add_slice(&body, line);
        buf_add_byte(&body, '\n');
        if (!found && line_is(line, "metadata:")) {
            in_metadata = found = true;
            behind = body.len;
        } else if (in_metadata && line_is(line, "  annotations:")) {
            has_annotations = true;
            behind = body.len;
        }
    }
    buf_add_slice(&body, rest);
    if (!found)
        return err_set(e, ERR_INVALID, "the manifest has no 'metadata:' of its own line");
    buf_add(out, body.ptr, behind);
    if (!has_annotations)
        buf_add_str(out, "  annotations:\n");
    buf_addf(out, "    %s: \"%s\"\n", annotation, stamp);
    buf_add(out, body.ptr + behind, body.len - behind);
    return buf_check(out, e);
}

/* Written outside of the kubelet's folder, then renamed into it: it never sees a part. */
static int stamp_manifest(const char *path, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf stamped = { 0 };
    char folder[PATH_MAX], above[PATH_MAX + 4], stamp[32], name[256];
    const char *file = strrchr(path, '/') + 1;
    struct stat st;

    (void)snprintf(folder, sizeof folder, "%.*s", (int)(file - path - 1), path);
    (void)snprintf(above, sizeof above, "%s/..", folder);
    (void)snprintf(name, sizeof name, ".%.200s.poterne-stamped", file);
    (void)snprintf(stamp, sizeof stamp, "%lld", (long long)wall_ns());
    CLEANUP(fd_closep) int in = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(fd_closep) int up = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (in < 0 || up < 0 || fstatat(in, file, &st, AT_SYMLINK_NOFOLLOW))
        return err_errno(e, "open '%s'", path);
    if (home_read(in, file, &text, e) || manifest_stamp(&stamped, buf_slice(&text), stamp, e) ||
        home_write(up, name, buf_slice(&stamped), e))
        return err_wrap(e, "'%s'", path);
    if (fchmodat(up, name, st.st_mode & 07777, 0) || renameat(up, name, in, file) || fsync(in))
        return err_errno(e, "write '%s'", path);
    return 0;
}

/* ---- restarting ---- */

int takeup_restart(const struct local_component *c, struct err *e)
{
    const char *const systemctl[] = { "systemctl", "restart", c->unit, NULL };

    switch (c->run) {
    case RUN_SYSTEMD:
        return takeup_run(systemctl, RESTART_SECONDS, e);
    case RUN_STATIC_POD:
        return stamp_manifest(c->manifest, e);
    case RUN_COMMAND:
        return takeup_run(c->command, RESTART_SECONDS, e);
    case RUN_NONE:
        break;
    }
    return err_set(e, ERR_REFUSED, "%s has to be restarted, and this machine's list gives no way",
                   c->name);
}

/* ---- looking ---- */

int takeup_serial(const struct local_component *c, unsigned port, char serial[41], struct err *e)
{
    struct probe_result seen = { .cert_count = 0 };
    struct probe_target target = { .port = port };
    CLEANUP(buf_clear) struct buf hex = { 0 };
    struct x509_cert cert;
    int rc;

    (void)snprintf(target.host, sizeof target.host, "%s", c->address);
    rc = probe_endpoint(&target, PROBE_MS, &seen, e);
    if (!rc)
        rc = x509_cert_read(&cert, buf_slice(&seen.cert[0]), e);
    if (!rc) {
        x509_serial_hex(&hex, cert.serial);
        (void)snprintf(serial, 41, "%s", buf_str(&hex));
    }
    probe_result_clear(&seen);
    return rc;
}

/* Without a certificate of ours: what it answers to everyone. */
static int ask_ready(const struct local_component *c, struct err *e)
{
    CLEANUP(net_client_closep) struct net_client *client = NULL;
    CLEANUP(net_answer_clear) struct net_answer answer = { .status = 0 };
    struct net_request request = { .method = HTTP_GET, .target = c->ready };
    char url[128];
    struct net_client_options options = {
        .url = url, .ca = c->ca, .connect_ms = PROBE_MS, .answer_ms = PROBE_MS
    };

    (void)snprintf(url, sizeof url,
                   strchr(c->address, ':') ? "https://[%.80s]:%u" : "https://%.80s:%u", c->address,
                   c->port[0]);
    if (net_client_open(&client, &options, e) || net_client_send(client, &request, &answer, e))
        return -1;
    if (answer.status != 200)
        return err_set(e, ERR_UNREACHABLE, "%s answers %d", c->ready, answer.status);
    return 0;
}

static int check_health(const struct local_component *c, int64_t after, struct err *e)
{
    int64_t began;
    char serial[41];

    if (takeup_started(c, &began, e))
        return -1;
    if (began < after)
        return err_set(e, ERR_UNREACHABLE, "the process of %s is still the one from before",
                       c->name);
    if (c->health[0])
        return takeup_run(c->health, 10, e);
    if (c->ready)
        return ask_ready(c, e);
    return c->port_count ? takeup_serial(c, c->port[0], serial, e) : 0;
}

int takeup_wait(const struct local_component *c, int64_t after, struct err *e)
{
    int64_t until = clock_monotonic_ms() + (int64_t)c->patience * 1000;
    struct err why = { 0 };

    for (;;) {
        why = (struct err){ 0 };
        if (!check_health(c, after, &why))
            return 0;
        if (clock_monotonic_ms() >= until)
            return err_set(e, ERR_UNREACHABLE, "%s is not healthy after %u s: %s", c->name,
                           c->patience, why.msg);
        nap();
    }
}
