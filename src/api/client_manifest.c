#include "api/client_manifest.h"

#include "crypto/hash.h"
#include "store/file.h"

const char manifest_name[] = ".poterne.json";

enum { MAX_MANIFEST = 256 << 10 };

int manifest_read(struct manifest *m, const char *folder, struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct err why = { 0 };

    buf_addf(&path, "%s/%s", folder, manifest_name);
    if (file_read(&text, buf_str(&path), MAX_MANIFEST, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        return err_pass(e, &why);
    }
    if (json_parse(&m->doc, buf_slice(&text), NULL, e))
        return err_wrap(e, "'%s' (remove it, and the files below count as somebody else's)",
                        buf_str(&path));
    return 0;
}

void manifest_clear(struct manifest *m)
{
    json_free(m->doc);
    m->doc = NULL;
}

int manifest_check_owner(const struct manifest *m, const char *cluster, const char *machine,
                         const char *folder, struct err *e)
{
    const struct json_value *root = json_root(m->doc);

    if (!m->doc || (slice_eq_str(json_slice(json_get(root, "cluster")), cluster) &&
                    slice_eq_str(json_slice(json_get(root, "machine")), machine)))
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "'%s' holds the export of machine '" SLICE_FMT "' of cluster '" SLICE_FMT
                   "': choose another --out, or overwrite it with --force",
                   folder, SLICE_ARG(json_slice(json_get(root, "machine"))),
                   SLICE_ARG(json_slice(json_get(root, "cluster"))));
}

bool manifest_knows(const struct manifest *m, const char *path, struct slice bytes)
{
    CLEANUP(buf_clear) struct buf hash = { 0 };
    struct json_iter it = json_iter(json_get(json_get(json_root(m->doc), "files"), path));
    const struct json_value *known;
    const char *key;

    sha256_hex(&hash, bytes);
    while (json_next(&it, &key, &known))
        if (slice_eq(json_slice(known), buf_slice(&hash)))
            return true;
    return false;
}

void manifest_begin(struct json_writer *w, struct buf *out, const char *cluster,
                    const char *machine, const char *layout)
{
    json_writer_init(w, out, true);
    json_put_object(w, NULL);
    json_put_text(w, "about",
                  "what poterne wrote here: path and SHA-256; it does not overwrite anything else");
    json_put_text(w, "cluster", cluster);
    json_put_text(w, "machine", machine);
    json_put_text(w, "layout", layout);
    json_put_object(w, "files");
}

static void put_hash(struct json_writer *w, struct slice bytes)
{
    CLEANUP(buf_clear) struct buf hash = { 0 };

    sha256_hex(&hash, bytes);
    json_put_slice(w, NULL, buf_slice(&hash));
}

void manifest_row(struct json_writer *w, const char *path, struct slice before, struct slice after)
{
    json_put_array(w, path);
    if (before.len && !slice_eq(before, after))
        put_hash(w, before);
    put_hash(w, after);
    json_put_end(w);
}

void manifest_end(struct json_writer *w)
{
    json_put_end(w);
    json_put_end(w);
    buf_add_byte(w->out, '\n');
}
