#ifndef CLI_LOOK_UP_H
#define CLI_LOOK_UP_H

#include "cli/parse.h"

/* From words to rows of the table; ERR_INVALID says what may have been meant. */

/* next: the word behind it, or NULL. */
int look_up_noun(const struct noun **ret, const char *word, const char *next, struct err *e)
    MUST_CHECK;
int look_up_verb(const struct command **ret, const struct noun *noun, const char *word,
                 struct err *e) MUST_CHECK;
/* Arguments NOUN and VERB of `help` and `man`: both may be NULL. */
int look_up_subject(const struct line *line, const struct noun **noun,
                    const struct command **command, struct err *e) MUST_CHECK;

#endif
