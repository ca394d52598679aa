#ifndef DAEMON_OPTION_H
#define DAEMON_OPTION_H

#include "base/buf.h"
#include <stdint.h>

/*
 * What the daemon can be told, a row an option. From this table come the flags of `poterne serve`,
 * the keys of the configuration file, their checks, what a reload takes up, and
 * docs/configuration.md; code only reads it.
 */
enum daemon_option_type {
    DAEMON_TEXT,
    DAEMON_PATH,     /* absolute */
    DAEMON_NUMBER,   /* a whole number */
    DAEMON_DURATION, /* seconds; written as base/clock.h reads it */
    DAEMON_CHOICE,   /* its place in `choices` */
    DAEMON_FLAG,
    DAEMON_LIST, /* texts */
};
enum daemon_option_place {
    DAEMON_ANYWHERE,  /* a flag, and a key of the file */
    DAEMON_FLAG_ONLY, /* what finds the file */
    DAEMON_STATE,     /* --state, which every command has */
};
struct daemon_option {
    const char *name; /* "drain-timeout" */
    enum daemon_option_type type;
    enum daemon_option_place place;
    bool reload;           /* SIGHUP takes up a change */
    const char *value;     /* how help names it: "SECONDS" */
    const char *choices;   /* "text|json" */
    int64_t least, most;   /* of numbers and durations */
    const char *otherwise; /* the default, read like a given value; NULL: nothing, or `derived` */
    const char *derived;   /* where the default comes from, in words */
    int (*check)(const char *text, struct err *e); /* of a text or of each element; may be NULL */
    size_t offset;                                 /* in struct settings */
    const char *help;
};
extern const struct daemon_option daemon_options[]; /* ends with a name of NULL */

const struct daemon_option *daemon_option_find(const char *name);
/* ERR_INVALID "unknown option 'lisen'; did you mean 'listen'?" */
int daemon_option_unknown(const char *name, struct err *e);
/* Of "a|b|c": the index of the word, or -1. */
int daemon_choice(const char *choices, const char *word);

/* docs/configuration.md, all of it. */
void daemon_options_page(struct buf *out);

#endif
