#include "cli/confirm.h"

#include "cli/text.h"
#include <unistd.h>

static int ask(const char *what, const char *want, struct err *e)
{
    char answer[256];

    fprintf(stderr, "This destroys %s.\nType '%s' to go on: ", what, want);
    if (!fgets(answer, sizeof answer, stdin))
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    if (strcmp(answer, want) != 0)
        return err_set(e, ERR_REFUSED, "not confirmed: nothing was changed");
    return 0;
}

int confirm(const struct line *line, const struct json_value *args, struct err *e)
{
    const struct command *c = line->command;
    CLEANUP(buf_clear) struct buf what = { 0 };
    const char *want;

    if (!c->destroys || line_flag(line, "yes") ||
        (c->destroys_if && !line_flag(line, c->destroys_if)))
        return 0;
    text_expand(&what, c->destroys, args, NULL);
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return err_set(e, ERR_INVALID, "this destroys %s: say --yes if that is meant",
                       buf_str(&what));
    want = c->confirm ? line_text(line, c->confirm) : "yes";
    return ask(buf_str(&what), want, e);
}
