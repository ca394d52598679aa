#include "daemon/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h, as of ABI 6. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };
struct ruleset {
    uint64_t handled_fs, handled_net, scoped;
};
struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_TRUNCATE (UINT64_C(1) << 14)

/* What each ABI can forbid: the rights of the one before and these; and how much of the struct it
 * knows. */
static const struct {
    uint64_t fs, net, scoped;
    size_t size;
} rights[LANDLOCK_KNOWN + 1] = {
    [1] = { (UINT64_C(1) << 13) - 1, 0, 0, 8 },  /* execute ... make symbolic links */
    [2] = { (UINT64_C(1) << 14) - 1, 0, 0, 8 },  /* refer */
    [3] = { (UINT64_C(1) << 15) - 1, 0, 0, 8 },  /* truncate */
    [4] = { (UINT64_C(1) << 15) - 1, 3, 0, 16 }, /* bind and connect TCP */
    [5] = { (UINT64_C(1) << 16) - 1, 3, 0, 16 }, /* ioctl of devices */
    [6] = { (UINT64_C(1) << 16) - 1, 3, 3, 24 }, /* abstract unix sockets, signals */
};

int landlock_abi(int highest)
{
    long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

    if (abi < 0) /* no such call, or switched off at boot */
        return 0;
    if (abi > LANDLOCK_KNOWN)
        abi = LANDLOCK_KNOWN;
    return highest >= 0 && abi > highest ? highest : (int)abi;
}

static int allow(int ruleset, uint64_t allowed, int file, struct err *e)
{
    struct path_beneath rule = { .allowed = allowed, .parent = file };

    if (syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0))
        return err_errno(e, "allow a file to Landlock");
    return 0;
}

int landlock_enter(int abi, const int *files, size_t count, struct err *e)
{
    struct ruleset all = { rights[abi].fs, rights[abi].net, rights[abi].scoped };
    uint64_t file_rights = (FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE) & all.handled_fs;
    CLEANUP(fd_closep) int ruleset = -1;

    if (abi == 0)
        return 0;
    ruleset = (int)syscall(CREATE_RULESET, &all, rights[abi].size, 0);
    if (ruleset < 0)
        return err_errno(e, "make Landlock rules of ABI %d", abi);
    for (size_t i = 0; i < count; i++)
        if (allow(ruleset, file_rights, files[i], e))
            return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(RESTRICT_SELF, ruleset, 0))
        return err_errno(e, "enter Landlock of ABI %d", abi);
    return 0;
}
