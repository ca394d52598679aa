#include "daemon/sandbox.h"

#include "daemon/landlock.h"
#include "daemon/libseccomp.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- who ---- */

static int drop_capabilities(struct err *e)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
    struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3] = { 0 };

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* A service manager may forbid capset to who has none. */
    if (syscall(SYS_capget, &header, have) == 0 && memcmp(have, none, sizeof none) == 0)
        return 0;
    if (syscall(SYS_capset, &header, none))
        return err_errno(e, "give up every capability");
    return 0;
}

int sandbox_become(uid_t uid, gid_t gid, struct err *e)
{
    for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* which takes a capability itself */
    if (uid != (uid_t)-1 &&
        (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)))
        return err_errno(e, "become user %u, group %u", (unsigned)uid, (unsigned)gid);
    if (drop_capabilities(e))
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return err_errno(e, "give up privileges");
    /* There must be no way back. */
    if (uid != (uid_t)-1 && uid != 0 && (setuid(0) == 0 || geteuid() != uid || getegid() != gid))
        return err_set(e, ERR_INTERNAL, "user %u was not taken for good", (unsigned)uid);
    return 0;
}

bool sandbox_leave_network(void)
{
    return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

/* ---- which system calls ---- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0 /* its run time makes calls of its own */
#endif

static int add_call(const struct libseccomp *lib, scmp_filter_ctx filter,
                    const struct sandbox_call *call, struct err *e)
{
    struct scmp_arg_cmp cmp = { call->argument, SCMP_CMP_MASKED_EQ, call->mask, call->value };
    uint32_t action =
        call->action == SANDBOX_ALLOW ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((unsigned)call->errnum);
    int number = lib->seccomp_syscall_resolve_name(call->name);
    int rc;

    if (number == __NR_SCMP_ERROR) /* newer than this libseccomp: then it stays forbidden */
        return 0;
    rc = lib->seccomp_rule_add_array(filter, action, number, call->mask ? 1 : 0, &cmp);
    if (rc == 0 || rc == -EDOM) /* another architecture's */
        return 0;
    return err_set(e, ERR_INTERNAL, "seccomp rule for %s: %s", call->name, strerror(-rc));
}

static int fill_filter(const struct libseccomp *lib, scmp_filter_ctx filter,
                       enum sandbox_process process, struct err *e)
{
    int rc = lib->seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

    if (!rc)
        rc = lib->seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
    if (rc)
        return err_set(e, ERR_INTERNAL, "set up seccomp: %s", strerror(-rc));
    for (const struct sandbox_call *c = sandbox_calls; c->name; c++)
        if ((c->processes & 1u << process) && add_call(lib, filter, c, e))
            return -1;
    return 0;
}

/* The library is a file, and is read before files are out of reach; the filter is the last step, as
 * it has no place for those before it. */
static int enter_both(const struct sandbox_options *options, int abi, const struct libseccomp *lib,
                      scmp_filter_ctx filter, struct err *e)
{
    int rc;

    if (fill_filter(lib, filter, options->process, e) ||
        landlock_enter(abi, options->file, options->file_count, e))
        return -1;
    rc = lib->seccomp_load(filter);
    return rc ? err_set(e, ERR_INTERNAL, "enter seccomp: %s", strerror(-rc)) : 0;
}

/* ---- all of it ---- */

int sandbox_enter(const struct sandbox_options *options, struct sandbox_level *level, struct err *e)
{
    const struct libseccomp *lib;
    scmp_filter_ctx filter;
    int rc;

    level->landlock = landlock_abi(options->landlock_abi);
    if (SANITIZED)
        return landlock_enter(level->landlock, options->file, options->file_count, e);
    if (libseccomp_load(&lib, e))
        return -1;
    filter = lib->seccomp_init(options->log_only ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return err_set(e, ERR_INTERNAL, "set up seccomp");
    rc = enter_both(options, level->landlock, lib, filter, e);
    lib->seccomp_release(filter);
    level->seccomp = !rc;
    level->log_only = options->log_only;
    return rc;
}

void sandbox_describe(struct buf *out, const struct sandbox_level *level)
{
    buf_add_str(out, !level->seccomp ? "no seccomp" : level->log_only ? "seccomp logs" : "seccomp");
    if (level->landlock)
        buf_addf(out, ", landlock %d", level->landlock);
    else
        buf_add_str(out, ", no landlock");
    if (!level->network)
        buf_add_str(out, ", no network");
}
