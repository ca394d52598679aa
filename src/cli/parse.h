#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "cli/command.h"

/*
 * A command line that was read against the table, GNU-style: `--opt value`, `--opt=value`, `-o X`,
 * `-oX`, options anywhere, `--` before words that begin with a dash. Nothing is done while reading.
 */
struct line_value {
    const struct option *option; /* one of the two */
    const struct positional *positional;
    const char *text; /* borrowed from argv; "" for a flag */
};
struct line {
    const struct noun *noun;       /* NULL: no word was given */
    const struct command *command; /* NULL: a noun without its verb, or less */
    bool help, version;
    struct line_value *value;
    size_t count;
    /* For completion: the option that waits for its value, and words that no positional takes. */
    const struct option *waiting;
    size_t words; /* positionals that were given */
};
void line_clear(struct line *line);

/* argv[0] is the program. ERR_INVALID (ERR_NOT_FOUND for the name of a thing) says what is wrong
 * and what may have been meant; `line` then holds what was understood before. */
int line_parse(struct line *line, int argc, char *const *argv, struct err *e) MUST_CHECK;
/* The same for a line that is still being typed: nothing is an error, missing things are missing.
 */
void line_parse_partly(struct line *line, int argc, char *const *argv);

/* The first value of an option or positional by its JSON name; NULL: not given. */
const char *line_text(const struct line *line, const char *json);
bool line_flag(const struct line *line, const char *json);
/* The arguments as one JSON object, without the global options. */
void line_json(const struct line *line, struct buf *out);

enum format { FORMAT_TABLE, FORMAT_WIDE, FORMAT_JSON, FORMAT_YAML, FORMAT_NAME };
enum format line_format(const struct line *line);

/* What the table says about the values, and what it misses. */
int line_check(const struct line *line, struct err *e) MUST_CHECK;
enum { LINE_SHOWN = 80 }; /* bytes of a wrong word that an error repeats */

#endif
