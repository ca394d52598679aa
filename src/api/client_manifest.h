#ifndef API_CLIENT_MANIFEST_H
#define API_CLIENT_MANIFEST_H

#include "wire/json.h"

/*
 * DIR/.poterne.json: what an export wrote there, so that a later one knows its own files from those
 * of others. Written before the files: each path with the hashes of what may be there (before and
 * after), so that a run that was cut short is completed and not taken for somebody's edit.
 */
struct manifest {
    struct json *doc; /* NULL: there is none */
};
int manifest_read(struct manifest *m, const char *folder, struct err *e) MUST_CHECK;
void manifest_clear(struct manifest *m);
/* ERR_CONFLICT when the folder holds the export of another machine or cluster. */
int manifest_check_owner(const struct manifest *m, const char *cluster, const char *machine,
                         const char *folder, struct err *e) MUST_CHECK;
/* We wrote these very bytes there. */
bool manifest_knows(const struct manifest *m, const char *path, struct slice bytes);

/* Writing: begin, a row a file, end. `before` empty: there was nothing. */
void manifest_begin(struct json_writer *w, struct buf *out, const char *cluster,
                    const char *machine, const char *layout);
void manifest_row(struct json_writer *w, const char *path, struct slice before, struct slice after);
void manifest_end(struct json_writer *w);
extern const char manifest_name[]; /* ".poterne.json" */

#endif
