#ifndef API_CLIENT_FILES_H
#define API_CLIENT_FILES_H

#include "api/client_manifest.h"
#include <sys/types.h>

/*
 * The files of an export: what is there, what is to be there, and the rule that nothing is
 * overwritten which poterne did not write. What an earlier export wrote and this one does not want,
 * of another machine or layout, is removed.
 */
enum { FILE_SET_MAX = 256 };
enum file_action { FILE_CREATED, FILE_UPDATED, FILE_UNCHANGED, FILE_REMOVED, FILE_ACTIONS };
const char *file_action_name(enum file_action action);

struct export_file {
    const char *path; /* relative to the folder, borrowed */
    mode_t mode;
    struct buf bytes;  /* what is to be there */
    struct buf before; /* what is there */
    bool exists, same_mode;
    bool pending; /* its bytes come with a certificate or key that is yet to be made */
    enum file_action action;
    const char *reason; /* why it is made anew; NULL: its content changed */
};
struct file_set {
    const char *folder; /* borrowed */
    bool force;
    struct export_file file[FILE_SET_MAX];
    size_t count;
    const char *left[FILE_SET_MAX]; /* of an earlier export, and changed since: they stay */
    size_t left_count;
    bool forget; /* the manifest names what is gone */
    struct manifest manifest;
};
void file_set_clear(struct file_set *set);
/* Nothing but a file is where one is to be written: ERR_CONFLICT, which --force does not change. To
 * be asked before the path is read. */
int file_place_check(const char *folder, const char *path, struct err *e) MUST_CHECK;
/* A row more, with what is there now; NULL with `e`. */
struct export_file *file_set_add(struct file_set *set, const char *path, mode_t mode,
                                 struct err *e);
struct export_file *file_set_find(struct file_set *set, const char *path); /* NULL */
/* What will happen to each file; ERR_CONFLICT names those of others that are in the way. Asked
 * before any key is made. */
int file_set_decide(struct file_set *set, struct err *e) MUST_CHECK;
/* The manifest first, then every file that changes, in order, then what is removed: a run that was
 * cut short is completed by the next one. */
int file_set_write(struct file_set *set, const char *cluster, const char *machine,
                   const char *layout, struct err *e) MUST_CHECK;

/* The member "out" of `args`: *out NULL for stdout, which "-" says too. ERR_INVALID when it is
 * there and not a file, which is neither read nor replaced. */
int out_file(const struct json_value *args, const char **out, struct err *e) MUST_CHECK;

#endif
