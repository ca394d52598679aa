#include "cli/command.h"

#include "cli/help.h"
#include "cli/nouns.h"
#include "cli/run.h"

static int print(struct voice *voice, struct buf *out)
{
    struct err e = { 0 };

    if (write_stdout(voice, out, &e) == 0)
        return 0;
    if (!voice->broken_pipe)
        say_error(voice, &e);
    return 1;
}

static int fail(const struct voice *voice, const struct err *e)
{
    if (!voice->broken_pipe)
        say_error(voice, e);
    return e->code == ERR_NONE ? 1 : err_kind(e->code)->exit_code;
}

/* What follows the mistake may still say how to print it. */
static int wrong_line(const struct line *line, int argc, char **argv, const struct err *e)
{
    CLEANUP(line_clear) struct line whole = { 0 };
    struct voice voice;

    line_parse_partly(&whole, argc, argv);
    voice_init(&voice, &whole);
    say_error(&voice, e);
    if (!voice.json)
        say_usage(line);
    return 2;
}

/* Asked for, it is the answer; else a command is missing, which a script must notice. */
static int show_help(struct voice *voice, const struct line *line)
{
    CLEANUP(buf_clear) struct buf out = { 0 };

    help_write(&out, line->noun, line->command);
    if (line->help)
        return print(voice, &out);
    (void)fwrite(out.ptr, 1, out.len, stderr);
    return 2;
}

static int show_version(struct voice *voice, const struct line *line)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct err e = { 0 };

    return builtin_version(line, &out, &e) ? fail(voice, &e) : print(voice, &out);
}

static int run_builtin(struct voice *voice, const struct line *line)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct err e = { 0 };

    return line->command->builtin(line, &out, &e) ? fail(voice, &e) : print(voice, &out);
}

static program_fn *find_program(const struct program *programs, const struct command *command)
{
    for (const struct program *p = programs; p && p->noun; p++)
        if (strcmp(p->noun, command->noun) == 0 &&
            (p->verb ? command->verb && strcmp(p->verb, command->verb) == 0 : !command->verb))
            return p->run;
    return NULL;
}

static int run_program(const struct line *line, program_fn *run, const struct voice *voice)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *args = NULL;
    CLEANUP(freep) char *state = NULL;
    struct err e = { 0 };

    line_json(line, &text);
    if (!run)
        err_set(&e, ERR_INTERNAL, "this program was built without '%s'", line->command->noun);
    else if (!json_parse(&args, buf_slice(&text), NULL, &e) &&
             !(line_text(line, "state") && run_state(line, &state, &e)))
        return run(json_root(args), state);
    return fail(voice, &e);
}

int cli_main(int argc, char **argv, const struct program *programs)
{
    CLEANUP(line_clear) struct line line = { 0 };
    struct voice voice;
    struct err e = { 0 };
    int exit_code = line_parse(&line, argc, argv, &e);

    if (exit_code)
        return wrong_line(&line, argc, argv, &e);
    voice_init(&voice, &line);
    if (line.version)
        return show_version(&voice, &line);
    if (line.help || !line.command)
        return show_help(&voice, &line);
    if (line.command->builtin)
        return run_builtin(&voice, &line);
    if (line.command->program)
        return run_program(&line, find_program(programs, line.command), &voice);
    exit_code = run_command(&line, &voice, &e);
    return exit_code < 0 ? fail(&voice, &e) : exit_code;
}
