#ifndef PKI_TEMPLATE_H
#define PKI_TEMPLATE_H

#include "base/buf.h"

/* Texts with {NAME} in them: the layouts' flags, units and YAML are tables of such texts. */
enum { TEMPLATE_VARS = 40 };
struct template_vars {
    struct {
        const char *name;
        char *value;
    } var[TEMPLATE_VARS];
    size_t count;
};
void template_vars_clear(struct template_vars *vars);
/* The name is a constant; a second value for it is a bug. */
void template_set(struct template_vars *vars, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
const char *template_get(const struct template_vars *vars,
                         const char *name); /* aborts for an unknown name: a bug */
/* "{{" stands for "{"; an unknown name aborts. */
void template_expand(struct buf *out, const struct template_vars *vars, const char *text);

#endif
