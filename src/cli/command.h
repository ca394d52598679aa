#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "api/client.h"

/*
 * The command table: a row a command. Parsing, --help, completion, man pages, the reference page of the docs and the request are all made
 * from it; code only reads it (table: commands.c, options of each noun beside their rows).
 */
enum option_type {
    OPTION_FLAG,      /* no value: JSON true */
    OPTION_TEXT,
    OPTION_DURATION,  /* checked here, sent as text */
    OPTION_CHOICE,    /* one of `choices` */
    OPTION_FILE,      /* a path: completed as one */
    OPTION_FOLDER,
    OPTION_NUMBER,
};
struct option {
    const char *name;         /* "service-cidr" */
    const char *json;         /* member of the request: "service_cidr" */
    enum option_type type;
    bool required, repeated;  /* repeated: an array */
    const char *value;        /* how help names it: "CIDR[,CIDR]" */
    const char *choices;      /* "kubeadm|systemd" */
    const char *otherwise;    /* the default, for help only: the server fills it in */
    const char *help;
};
struct positional {
    const char *name;         /* "CLUSTER" */
    const char *json;         /* "cluster" */
    bool optional, repeated;
    const char *complete;     /* "cluster", "machine", "authority", "file", NULL */
};
struct column {
    const char *title;        /* "EXPIRES" */
    const char *path;         /* dotted path in an item */
    enum { COLUMN_TEXT, COLUMN_TIME_LEFT, COLUMN_TIME, COLUMN_LIST, COLUMN_BOOL, COLUMN_BYTES } type;
    bool wide;                /* with -o wide only */
};
struct command {
    const char *noun, *verb;  /* verb NULL: the noun alone ("version") */
    const char *summary;      /* one line */
    const char *details;      /* paragraphs for --help and the man page */
    const char *example;
    const struct positional *positional; /* ended by a NULL name */
    const struct option *options;        /* ended by a NULL name */
    enum http_method method;
    const char *path;         /* "/v1/clusters/{cluster}": members of the arguments go into {..}, the others into body or query */
    client_fn *local;         /* or: work of this machine */
    const char *kind;         /* of a local reply */
    const char *items;        /* member that is a list: a table, paged by `next`; NULL: one object */
    const struct column *columns;
    const char *destroys;     /* wants --yes; printed with arguments in it: "cluster {name}, its keys and the record of its certificates" */
    const char *done;         /* a line for people on stderr: "cluster {name} created" */
    bool raw;                 /* prints stdout_text; -o does not apply */
};
extern const struct command commands[];
extern const size_t command_count;

/* main() of the command line; argv[0] is the program. Returns the exit code. */
int cli_main(int argc, char **argv);

#endif
