#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "api/client.h"

/*
 * The command table: a row a command, a file a noun. Parsing, --help, completion, man pages, the
 * reference page of the docs and the request are all made from it; code only reads it.
 */
enum option_type {
    OPTION_FLAG, /* no value: JSON true */
    OPTION_TEXT,
    OPTION_DURATION, /* checked here, sent as text */
    OPTION_CHOICE,   /* one of `choices` */
    OPTION_FILE,     /* a path: completed as one */
    OPTION_FOLDER,
    OPTION_NUMBER, /* a whole number of at least 0 */
};
struct option {
    const char *name; /* "service-cidr" */
    char letter;      /* -o; 0: none */
    const char *json; /* member of the request: "service_cidr" */
    enum option_type type;
    bool required, repeated; /* repeated: an array */
    const char *value;       /* how help names it: "CIDR[,CIDR]" */
    const char *choices;     /* "kubeadm|systemd" */
    const char *otherwise;   /* the default, for help only: the server fills it in */
    const char *complete;    /* as a positional's */
    const char *help;
};
struct positional {
    const char *name; /* "CLUSTER" */
    const char *json; /* "cluster" */
    bool optional, repeated, may_be_empty;
    const char *complete; /* "cluster", "machine", "authority", "profile", "file", "noun" ... */
    const char *choices;
    const char *help;
};
enum column_type {
    COLUMN_TEXT,
    COLUMN_TIME,      /* as the reply has it */
    COLUMN_TIME_LEFT, /* of a time: 364d, expired 3d ago */
    COLUMN_LIST,      /* texts with commas */
    COLUMN_COUNT,     /* how many elements */
    COLUMN_BOOL,      /* yes, no */
};
struct column {
    const char *title; /* "EXPIRES" */
    const char *path;  /* dotted path in an item */
    enum column_type type;
    bool wide; /* with -o wide only */
};

/* One more table of an object. */
struct section {
    const char *items; /* path of the list */
    const struct column *columns;
};

struct line; /* a command line that was read: cli/parse.h */
/* What needs no installation: appends what is to be printed. */
typedef int builtin_fn(const struct line *line, struct buf *out, struct err *e);

/* Arrays end with an element whose name (title, items, noun) is NULL. {member} in a text stands for
 * that member of the reply or else of the arguments. */
struct command {
    const char *noun, *verb; /* verb NULL: the noun alone ("version") */
    const char *summary;     /* one line */
    const char *details;     /* paragraphs for --help and the man page */
    const char *example;     /* lines; "# " begins a remark */
    const struct positional *positional;
    const struct option *options;
    /* What it does, one of four. A request: arguments go into the {..} of the path, the others
     * into the body, or into the query of a GET or DELETE. */
    enum http_method method;
    const char *path;    /* "/v1/clusters/{cluster}" */
    client_fn *local;    /* work of this machine */
    const char *kind;    /* of a local reply */
    builtin_fn *builtin; /* work of this program alone */
    bool offline;        /* local work that needs no server: never renews a certificate */
    bool program;        /* the daemon or the agent: see struct program */
    const char
        *identity; /* what -o name prints: a path in an item or in the object; NULL: "name" */
    const struct column *fields; /* of the one object: a line each. NULL: the reply is a list */
    const char *items;           /* member that is a list: a table; pages follow by `next` */
    const struct column *columns;
    bool watched;               /* a list that --watch follows */
    const char *skip;           /* "action=unchanged": rows that -o wide alone shows */
    const struct section *more; /* tables that follow; of an object only */
    const char *empty;          /* said on stderr when the table has no row: "no clusters" */
    const char *destroys;       /* wants --yes: "cluster {cluster}, its keys and ..." */
    const char *destroys_if;    /* only when this argument is given */
    const char *confirm;        /* the argument that is to be typed; NULL: "yes" */
    const char *done;  /* a line for people on stderr, when it did its work and found nothing bad */
    const char *same;  /* in its place when the reply's `changed` is false */
    const char *would; /* in its place when the reply's `dry_run` is true */
};
struct noun {
    const char *name;
    const char *summary;
    const struct command *commands;
    bool hidden; /* in no help and no completion */
};
extern const struct noun nouns[];
extern const struct option global_options[];

const struct noun *noun_find(const char *name);
const struct command *noun_command(const struct noun *noun,
                                   const char *verb); /* verb NULL: alone */
bool noun_is_command(const struct noun *noun);        /* has no verbs */
/* Every option that may stand behind the command, its own first: options_at(.., 0), 1, ... until
 * NULL. command NULL: the global ones. */
const struct option *option_at(const struct command *command, size_t index);
const struct option *option_find(const struct command *command, struct slice name);
const struct option *option_of_letter(const struct command *command, char letter);

/*
 * What runs as the daemon or the agent. cli may include neither, so main.c, which knows all three,
 * hands them in. Returns the exit code, after saying what failed. args: the command's arguments as
 * one object; state: --state as an absolute path, NULL when it is not given.
 */
typedef int program_fn(const struct json_value *args, const char *state);
struct program {
    const char *noun, *verb; /* of a row of the table with `program`; verb NULL: the noun alone */
    program_fn *run;
};
/* The options of `serve` are the daemon's table, which main.c copies here before cli_main. */
enum { SERVE_OPTIONS = 64 };
extern struct option serve_options[SERVE_OPTIONS + 1];

/* main() of the command line; argv[0] is the program. programs: ends with a noun of NULL. Returns
 * the exit code. */
int cli_main(int argc, char **argv, const struct program *programs);

#endif
