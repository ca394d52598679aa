#include "base/slice.h"
#include "base/alloc.h"

bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_eq_str(struct slice a, const char *text)
{
    return slice_eq(a, slice_str(text));
}

bool slice_eq_secret(struct slice a, struct slice b)
{
    volatile uint8_t diff = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        diff = (uint8_t)(diff | (a.ptr[i] ^ b.ptr[i]));
    return diff == 0;
}

bool slice_starts(struct slice s, const char *prefix)
{
    struct slice p = slice_str(prefix);

    return s.len >= p.len && slice_eq(slice_of(s.ptr, p.len), p);
}

bool slice_ends(struct slice s, const char *suffix)
{
    struct slice p = slice_str(suffix);

    if (p.len == 0)
        return true;
    return s.len >= p.len && slice_eq(slice_of(s.ptr + (s.len - p.len), p.len), p);
}

bool slice_is_zero(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i])
            return false;
    return true;
}

bool slice_has_nul(struct slice s)
{
    return s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL;
}

bool slice_cut(struct slice *s, uint8_t c, struct slice *head)
{
    const uint8_t *at = s->len ? memchr(s->ptr, c, s->len) : NULL;
    size_t before;

    if (!at)
        return false;
    before = (size_t)(at - s->ptr);
    *head = slice_of(s->ptr, before);
    *s = slice_of(at + 1, s->len - before - 1);
    return true;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice s)
{
    while (s.len && is_space(s.ptr[0]))
        s = slice_of(s.ptr + 1, s.len - 1);
    while (s.len && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

char *slice_dup(struct slice s)
{
    char *copy = xcalloc(s.len + 1, 1);

    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}
