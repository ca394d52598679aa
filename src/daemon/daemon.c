#include "daemon/daemon.h"

#include "api/share.h"
#include "base/alloc.h"
#include "base/log.h"
#include "daemon/supervisor.h"
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const struct err *e)
{
    log_line(LOG_LEVEL_ERROR, "%s", err_text(e));
    return err_kind(e->code)->exit_code;
}

static int say_good(const struct settings *s)
{
    if (s->config)
        log_line(LOG_LEVEL_INFO, "the configuration in '%s' is good", s->config);
    else
        log_line(LOG_LEVEL_INFO, "the configuration is good; there is no file");
    return 0;
}

/* ---- as whom ---- */

struct who {
    uid_t uid; /* (uid_t)-1: as we are */
    gid_t gid;
    gid_t socket_group; /* (gid_t)-1: none */
};

static int make_state(const char *path, const struct passwd *user, struct err *e)
{
    if (mkdir(path, 0700))
        return err_errno(e, "make the state directory '%s'", path);
    if (chown(path, user->pw_uid, user->pw_gid))
        return err_errno(e, "give the state directory '%s' to %s", path, user->pw_name);
    return 0;
}

/* Root's daemon serves as the owner of the state directory, which it makes for the user that the
 * settings name. */
static int find_owner(const struct settings *s, struct who *who, struct err *e)
{
    const struct passwd *user;
    struct stat st;

    if (geteuid() != 0)
        return 0;
    if (stat(s->state, &st)) {
        user = getpwnam(s->user);
        if (!user)
            return err_set(e, ERR_NOT_FOUND,
                           "there is no user '%s' to own the state directory: make one "
                           "(systemd-sysusers, or useradd --system), or name one with --user",
                           s->user);
        if (make_state(s->state, user, e))
            return -1;
        st.st_uid = user->pw_uid;
        st.st_gid = user->pw_gid;
    }
    if (st.st_uid == 0) {
        log_line(LOG_LEVEL_WARN,
                 "the state directory '%s' belongs to root, so the daemon serves as root, without "
                 "root's capabilities; give it to a user of its own: chown -R %s '%s'",
                 s->state, s->user, s->state);
        return 0;
    }
    who->uid = st.st_uid;
    who->gid = st.st_gid;
    return 0;
}

/* The service manager's: $CREDENTIALS_DIRECTORY/root.key (systemd's LoadCredential=). */
static char *find_credential(void)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    CLEANUP(freep)
    char *path = xasprintf("%s/root.key", folder && folder[0] == '/' ? folder : "");
    char *found = NULL;

    if (folder && folder[0] == '/' && access(path, F_OK) == 0) {
        found = path;
        path = NULL;
    }
    return found;
}

/* Only root can give the socket to a group that is not its own. */
static void find_group(const struct settings *s, struct who *who)
{
    const struct group *group = getgrnam(s->socket_group);
    bool may = group && (geteuid() == 0 || group->gr_gid == getegid());

    who->socket_group = may ? group->gr_gid : (gid_t)-1;
}

/* ---- the supervisor ---- */

static int run(struct settings *s, struct supervisor_options *options, struct err *e)
{
    CLEANUP(listeners_clear) struct listeners listeners = { 0 };
    CLEANUP(activation_clear) struct activation activation = { 0 };
    CLEANUP(freep) char *root_key = find_credential();
    struct who who = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
    int rc;

    if (activation_take(&activation, 3, e) || find_owner(s, &who, e))
        return -1;
    find_group(s, &who);
    if (listeners_open(&listeners, s, &activation, who.socket_group, e))
        return -1;
    options->listeners = &listeners;
    options->root_key = root_key;
    options->uid = who.uid;
    options->gid = who.gid;
    rc = supervise(options, e);
    share_withdraw(&(struct share_options){ .state = s->state });
    return rc;
}

int daemon_main(const struct json_value *args, const char *state)
{
    CLEANUP(settings_clear) struct settings s = { 0 };
    CLEANUP(notify_close) struct notify notify = { .fd = -1 };
    struct supervisor_options options = {
        .settings = &s, .args = args, .state = state, .notify = &notify
    };
    struct err e = { 0 };

    if (settings_read(&s, args, state, &e))
        return fail(&e);
    if (s.check)
        return say_good(&s);
    log_set_level((enum log_level)s.log_level);
    log_set_json(s.log_format == LOG_FORMAT_JSON, "supervisor");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        err_errno(&e, "become closed to debuggers");
    if (e.code || notify_open(&notify, &e) || run(&s, &options, &e)) {
        notify_status(&notify, err_text(&e));
        return fail(&e);
    }
    return 0;
}
