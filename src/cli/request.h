#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include "cli/command.h"

/* The request of a command: arguments go into the {..} of its path, the others into the body of a
 * POST or PUT, or into the query. cursor: of a list's next page, or NULL. */
void request_path(struct buf *out, const struct command *command, const struct json_value *args,
                  const char *cursor);
void request_body(struct buf *out, const struct command *command, const struct json_value *args);

#endif
