#include "pki/template.h"

#include <assert.h>

void template_vars_clear(struct template_vars *vars)
{
    for (size_t i = 0; i < vars->count; i++)
        free(vars->var[i].value);
    vars->count = 0;
}

static const char *find(const struct template_vars *vars, struct slice name)
{
    for (size_t i = 0; i < vars->count; i++)
        if (slice_eq_str(name, vars->var[i].name))
            return vars->var[i].value;
    return NULL;
}

void template_set(struct template_vars *vars, const char *name, const char *format, ...)
{
    struct buf text = { 0 };
    va_list ap;

    assert(vars->count < TEMPLATE_VARS && !find(vars, slice_str(name)));
    va_start(ap, format);
    buf_vaddf(&text, format, ap);
    va_end(ap);
    vars->var[vars->count].name = name;
    vars->var[vars->count++].value = buf_take_str(&text);
}

const char *template_get(const struct template_vars *vars, const char *name)
{
    const char *value = find(vars, slice_str(name));

    assert(value);
    return value;
}

void template_expand(struct buf *out, const struct template_vars *vars, const char *text)
{
    struct slice rest = slice_str(text), plain, name;
    const char *value;

    while (slice_cut(&rest, '{', &plain)) {
        buf_add_slice(out, plain);
        if (slice_starts(rest, "{")) {
            buf_add_byte(out, '{');
            rest = slice_of(rest.ptr + 1, rest.len - 1);
            continue;
        }
        if (!slice_cut(&rest, '}', &name) || !(value = find(vars, name)))
            abort();
        buf_add_str(out, value);
    }
    buf_add_slice(out, rest);
}
