#ifndef API_CLIENT_FILES_H
#define API_CLIENT_FILES_H

#include "api/client_manifest.h"
#include <sys/types.h>

/*
 * The files of an export: what is there, what is to be there, and the rule that nothing is
 * overwritten which poterne did not write.
 */
enum { FILE_SET_MAX = 128 };
enum file_action { FILE_CREATED, FILE_UPDATED, FILE_UNCHANGED, FILE_ACTIONS };
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
    struct manifest manifest;
};
void file_set_clear(struct file_set *set);
/* A row more, with what is there now; NULL with `e`. */
struct export_file *file_set_add(struct file_set *set, const char *path, mode_t mode,
                                 struct err *e);
struct export_file *file_set_find(struct file_set *set, const char *path); /* NULL */
/* What will happen to each file; ERR_CONFLICT names those of others that are in the way. Asked
 * before any key is made. */
int file_set_decide(struct file_set *set, struct err *e) MUST_CHECK;
/* The manifest first, then every file that changes, in order. */
int file_set_write(struct file_set *set, const char *cluster, const char *machine,
                   const char *layout, struct err *e) MUST_CHECK;

#endif
