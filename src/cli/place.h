#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include "api/context.h"
#include "cli/parse.h"

/*
 * Where a command's requests go: --server or --context; else this machine when a state directory is
 * named by --state or $POTERNE_STATE; else the current context; else this machine.
 */
struct place {
    char *state;
    struct contexts contexts;
    struct context *context; /* NULL: this machine */
    struct context_target target;
    struct door_options options;
};
void place_clear(struct place *p);
/* ERR_NOT_FOUND: no such context. p stays where it is: options point into it. */
int place_find(struct place *p, const struct line *line, struct err *e) MUST_CHECK;

#endif
