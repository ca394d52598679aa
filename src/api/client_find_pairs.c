#include "api/client_find.h"

/* What find_in found, put together. */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

static bool same_folder(const char *a, const char *b)
{
    size_t len = folder_len(a);

    return len == folder_len(b) && memcmp(a, b, len) == 0;
}

/* "tls.crt" and "tls.key", "server-cert.pem" and "server-key.pem" belong together by their names.
 */
static struct slice stem(const char *path)
{
    static const char *const ends[] = { "-cert", "-key", ".cert", ".key" };
    const char *name = path + folder_len(path), *dot = strrchr(name, '.');
    struct slice s = slice_of(path, dot && dot != name ? (size_t)(dot - path) : strlen(path));

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (slice_ends(s, ends[i]))
            return slice_of(s.ptr, s.len - strlen(ends[i]));
    return s;
}

/* By its place alone: the same file or kubeconfig user, or the same name. */
static bool belongs(const struct found_cert *c, const struct found_key *k)
{
    if (c->file == k->file)
        return same_text(c->entry, k->entry);
    return !c->entry && !k->entry && slice_eq(stem(c->path), stem(k->path));
}

static enum found_key_state find_key(const struct found *f, const struct found_cert *c)
{
    enum found_key_state state = FOUND_KEY_NONE;

    for (size_t i = 0; i < f->key_count; i++) {
        const struct found_key *k = &f->key[i];
        bool mine = belongs(c, k);

        if (!mine && !same_folder(c->path, k->path))
            continue;
        if (slice_eq(buf_slice(&k->spki), c->view.spki))
            return FOUND_KEY_FITS;
        if (mine)
            state = k->spki.len ? FOUND_KEY_OTHER : FOUND_KEY_HIDDEN;
    }
    return state;
}

/* The best place to show a CA that was found in many: a file of its own, then one of several, then
 * a kubeconfig. */
static unsigned rank(const struct found_cert *c)
{
    return c->entry ? 2 : c->place ? 1 : 0;
}

static bool shown_better(const struct found *f, size_t at)
{
    const struct found_cert *c = &f->cert[at];

    for (size_t i = 0; i < f->cert_count; i++) {
        const struct found_cert *other = &f->cert[i];

        if (i == at || !other->readable || !slice_eq(other->view.der, c->view.der))
            continue;
        if (rank(other) < rank(c) || (rank(other) == rank(c) && i < at))
            return true;
    }
    return false;
}

static void drop_repeated(struct found *f)
{
    for (size_t i = 0; i < f->cert_count; i++) {
        struct found_cert *c = &f->cert[i];

        c->repeated = c->readable && c->view.ext.ca && shown_better(f, i);
    }
}

void find_pairs(struct found *f)
{
    for (size_t i = 0; i < f->cert_count; i++)
        if (f->cert[i].readable && f->cert[i].place == 0)
            f->cert[i].key = find_key(f, &f->cert[i]);
    drop_repeated(f);
}
