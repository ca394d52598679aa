#ifndef API_FORM_H
#define API_FORM_H

#include "api/route.h"

/*
 * What the bodies of requests hold: a table a route. The description of the API is printed from it,
 * and a member that it does not name is refused before the handler is called, so that a typing
 * error is never ignored. What a value must be like is the handler's to say.
 */
enum member_type {
    MEMBER_TEXT,
    MEMBER_FLAG,
    MEMBER_NUMBER,
    MEMBER_TEXTS,    /* an array of texts */
    MEMBER_OBJECT,   /* any object */
    MEMBER_OBJECTS,  /* an array of objects of `of` */
    MEMBER_DURATION, /* "8h" */
};
struct member {
    const char *name; /* NULL: the last */
    enum member_type type;
    bool required;
    const char *help;
    const struct member *of; /* NULL: objects of any kind */
};
struct form {
    enum http_method method;
    const char *path;
    bool open; /* members that are not named are let through: what agents of other versions send */
    const struct member *members;
};
extern const struct form forms[];
extern const size_t form_count;

/* NULL: the route takes no body. */
const struct form *form_of(const struct route *route);
/* ERR_INVALID naming the first member that is not in the table. */
int form_check(const struct route *route, const struct json_value *body, struct err *e) MUST_CHECK;

#endif
