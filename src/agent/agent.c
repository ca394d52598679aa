#include "agent/agent.h"

#include "agent/https.h"
#include "agent/work.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOME "/etc/poterne"
#define ROOT "/etc/kubernetes"
enum { CONNECT_MS = 10000, ANSWER_MS = 60000, BACK_OFF_MOST = 900 };

static const char *text_of(const struct json_value *args, const char *key, const char *otherwise)
{
    const char *text = json_text(json_get(args, key));

    return text ? text : otherwise;
}

static int fail(const struct err *e)
{
    log_line(LOG_LEVEL_ERROR, "%s", err_text(e));
    return err_kind(e->code)->exit_code;
}

/* ---- join ---- */

/* A token on the command line is seen by whoever lists processes, for as long as join runs: then it
 * is used up. A file is better where others have accounts. */
static int read_token(const struct json_value *args, struct buf *token, struct err *e)
{
    const char *given = text_of(args, "token", NULL), *file = text_of(args, "token_file", NULL);
    struct slice trimmed;

    if (!given == !file)
        return err_set(e, ERR_INVALID, "give one of --token and --token-file");
    if (given) {
        buf_add_str(token, given);
    } else if (home_read(AT_FDCWD, file, token, e)) {
        return -1;
    }
    trimmed = slice_trim(buf_slice(token));
    memmove(token->ptr, trimmed.ptr, trimmed.len);
    token->len = trimmed.len;
    return buf_check(token, e);
}

static int join(const struct json_value *args, struct err *e)
{
    CLEANUP(buf_clear) struct buf token = { 0 };
    struct https https = { .client = NULL };
    struct net_client_options options = { .url = text_of(args, "server", NULL),
                                          .pin = text_of(args, "ca_hash", NULL),
                                          .connect_ms = CONNECT_MS,
                                          .answer_ms = ANSWER_MS };
    struct join_options what = { .home = text_of(args, "home", HOME),
                                 .root = text_of(args, "root", ROOT),
                                 .layout = text_of(args, "layout", "systemd"),
                                 .server = options.url,
                                 .machine = text_of(args, "machine", NULL),
                                 .manifests = ROOT "/manifests",
                                 .transport = &https.transport };
    int rc;

    if (read_token(args, &token, e) || https_open(&https, &options, e))
        return -1;
    what.token = buf_str(&token);
    rc = agent_join(&what, e);
    https_close(&https);
    return rc;
}

int agent_join_main(const struct json_value *args, const char *state)
{
    struct err e = { 0 };

    (void)state;
    if (join(args, &e))
        return fail(&e);
    log_line(LOG_LEVEL_INFO,
             "joined: what the agent may touch is listed in %s/%s; 'poterne agent "
             "run' does the rest",
             text_of(args, "home", HOME), LOCAL_FILE);
    return 0;
}

/* ---- run ---- */

static volatile sig_atomic_t stopping;

static void on_stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static void say(const char *text, void *ctx)
{
    (void)ctx;
    log_line(LOG_LEVEL_INFO, "%s", text);
}

/* Joined again, or renewed: what is in the folder now counts. */
struct live {
    struct agent agent;
    struct https https;
    int64_t cert_mtime; /* of the certificate that the connection has */
    char *ca, *cert, *key;
};

static void live_clear(struct live *l)
{
    agent_stop(&l->agent);
    https_close(&l->https);
    free(l->ca);
    free(l->cert);
    free(l->key);
}

static int connect_daemon(struct live *l, struct err *e)
{
    struct net_client_options options = { .url = l->agent.local.server,
                                          .ca = l->ca,
                                          .cert = l->cert,
                                          .key = l->key,
                                          .connect_ms = CONNECT_MS,
                                          .answer_ms = ANSWER_MS };
    struct stat st;
    int64_t mtime;

    if (stat(l->cert, &st))
        return err_errno(e, "look at '%s'", l->cert);
    mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (l->https.client && mtime == l->cert_mtime)
        return 0;
    https_close(&l->https);
    l->cert_mtime = mtime;
    return https_open(&l->https, &options, e);
}

static int one_round(struct live *l, int64_t *poll, struct err *e)
{
    *poll = 30;
    l->agent.now = clock_wall();
    return connect_daemon(l, e) || agent_round(&l->agent, poll, e) ? -1 : 0;
}

/* A third less to a third more, so that machines that came together part. */
static int64_t with_jitter(int64_t seconds)
{
    uint16_t dice;

    random_bytes(&dice, sizeof dice);
    return seconds * 1000 * 2 / 3 + (int64_t)dice * seconds * 1000 * 2 / 3 / 65536;
}

static void sleep_ms(int64_t ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    while (!stopping && nanosleep(&left, &left) && errno == EINTR)
        ;
}

static int loop(struct live *l)
{
    int64_t back_off = 0, poll;
    char last[512] = "";

    while (!stopping) {
        struct err e = { 0 };

        if (one_round(l, &poll, &e)) {
            if (strcmp(last, e.msg) != 0) /* each failure is said once, not each time */
                log_line(LOG_LEVEL_WARN, "%s", e.msg);
            (void)snprintf(last, sizeof last, "%s", e.msg);
            back_off = back_off ? back_off * 2 : 2;
            if (back_off > BACK_OFF_MOST)
                back_off = BACK_OFF_MOST;
            /* the machine's own needs are looked at even while nobody answers */
            poll = back_off;
        } else {
            if (last[0])
                log_line(LOG_LEVEL_INFO, "all is well again");
            last[0] = '\0';
            back_off = 0;
        }
        sleep_ms(with_jitter(poll));
    }
    return 0;
}

static int start(struct live *l, const char *home, struct err *e)
{
    l->ca = xasprintf("%s/%s", home, AGENT_CA);
    l->cert = xasprintf("%s/%s", home, AGENT_CERT);
    l->key = xasprintf("%s/%s", home, AGENT_KEY);
    l->agent.transport = &l->https.transport;
    l->agent.say = say;
    return agent_start(&l->agent, home, e);
}

int agent_run_main(const struct json_value *args, const char *state)
{
    struct live *l = xcalloc(1, sizeof *l);
    bool once = json_bool(json_get(args, "once"), false);
    struct sigaction action = { .sa_handler = on_stop };
    struct err e = { 0 };
    int64_t poll;
    int rc;

    (void)state;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    l->agent.tree = (struct tree){ .root = -1, .home = -1 };
    l->agent.dry_run = json_bool(json_get(args, "dry_run"), false);
    rc = start(l, text_of(args, "home", HOME), &e);
    if (rc)
        rc = fail(&e);
    else if (once || l->agent.dry_run)
        rc = one_round(l, &poll, &e) ? fail(&e) : 0;
    else
        rc = loop(l);
    live_clear(l);
    free(l);
    return rc;
}
