#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/command.h"

/* Help from the table. command NULL: of the noun; noun NULL: of the whole. */
void help_write(struct buf *out, const struct noun *noun, const struct command *command);
/* "poterne cluster show NAME [options]": how it is called, options that must be given included. */
void usage_write(struct buf *out, const struct command *command);
/* "-o, --output FORMAT" */
void option_title(struct buf *out, const struct option *option);
/* What follows the help of an option: "one of ...", "default ...", "required". */
void option_remark(struct buf *out, const struct option *option);

#endif
