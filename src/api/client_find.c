#include "api/client_find.h"
#include "base/alloc.h"
#include "crypto/key.h"
#include "pki/bundle.h"
#include "store/file.h"
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

struct file_id {
    dev_t device;
    ino_t inode;
};

void found_clear(struct found *f)
{
    for (size_t i = 0; i < f->cert_count; i++) {
        free(f->cert[i].path);
        free(f->cert[i].entry);
        buf_clear(&f->cert[i].der);
    }
    for (size_t i = 0; i < f->key_count; i++) {
        free(f->key[i].path);
        free(f->key[i].entry);
        buf_clear(&f->key[i].spki);
    }
    for (size_t i = 0; i < f->note_count; i++) {
        free(f->note[i].path);
        free(f->note[i].text);
    }
    free(f->cert);
    free(f->key);
    free(f->note);
    free(f->seen);
    *f = (struct found){ 0 };
}

/* Room for one more: arrays double when their count is a power of two. */
static void *grow(void *list, size_t count, size_t size)
{
    if (count & (count - 1))
        return list;
    return xrealloc_array(list, count ? count * 2 : 1, size);
}

/* One file under way. */
struct finding_in {
    struct found *found;
    size_t target, file;
    const char *path;
    mode_t mode;
    bool named;
    unsigned depth;
};

static void add_note(const struct finding_in *in, const char *code, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void add_note(const struct finding_in *in, const char *code, const char *format, ...)
{
    struct found *f = in->found;
    CLEANUP(buf_clear) struct buf text = { 0 };
    va_list ap;

    va_start(ap, format);
    buf_vaddf(&text, format, ap);
    va_end(ap);
    f->note = grow(f->note, f->note_count, sizeof *f->note);
    f->note[f->note_count++] = (struct found_note){
        .target = in->target, .path = xstrdup(in->path), .code = code, .text = buf_take_str(&text)
    };
}

/* ---- what a file holds ---- */

static char *dup_or_null(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static void add_cert(const struct finding_in *in, const struct bundle_item *item)
{
    struct found *f = in->found;
    struct found_cert *c;

    if (f->cert_count == FIND_MAX_CERTS) {
        f->truncated = true;
        return;
    }
    f->cert = grow(f->cert, f->cert_count, sizeof *f->cert);
    c = &f->cert[f->cert_count++];
    *c = (struct found_cert){ .target = in->target,
                              .file = in->file,
                              .place = item->place,
                              .path = xstrdup(in->path),
                              .entry = dup_or_null(item->entry) };
    buf_add_slice(&c->der, item->bytes);
    c->readable = x509_cert_read(&c->view, buf_slice(&c->der), NULL) == 0;
}

static void add_key(const struct finding_in *in, const struct bundle_item *item)
{
    CLEANUP(key_freep) struct key *key = NULL;
    struct found *f = in->found;
    struct found_key *k;

    f->key = grow(f->key, f->key_count, sizeof *f->key);
    k = &f->key[f->key_count++];
    *k = (struct found_key){ .target = in->target,
                             .file = in->file,
                             .path = xstrdup(in->path),
                             .entry = dup_or_null(item->entry),
                             .mode = in->mode,
                             .named = in->named };
    if (item->bytes.len && key_read_private(&key, item->bytes, NULL) == 0)
        buf_add_slice(&k->spki, key_spki(key));
}

static void find_file(struct found *f, const struct finding_in *from, const char *path);

/* A path inside of a kubeconfig is relative to the kubeconfig's own folder (client-go
 * tools/clientcmd/loader.go). */
static void follow(const struct finding_in *in, const struct bundle_item *item)
{
    const char *slash = strrchr(in->path, '/');
    int folder = slash && item->text[0] != '/' ? (int)(slash - in->path + 1) : 0;
    CLEANUP(freep) char *path = xasprintf("%.*s%s", folder, in->path, item->text);
    struct finding_in next = *in;
    struct stat st;

    if (stat(path, &st)) {
        add_note(in, "reference-missing", "%s: '%s' is not there", item->entry, path);
        return;
    }
    next.named = false;
    next.depth++;
    find_file(in->found, &next, path);
}

static int take_item(const struct bundle_item *item, void *ctx, struct err *e)
{
    const struct finding_in *in = ctx;

    (void)e;
    switch (item->kind) {
    case BUNDLE_CERT:
        add_cert(in, item);
        break;
    case BUNDLE_KEY:
    case BUNDLE_HIDDEN_KEY:
        add_key(in, item);
        break;
    case BUNDLE_REFERENCE:
        if (in->depth < FIND_MAX_DEPTH)
            follow(in, item);
        break;
    case BUNDLE_PUBLIC:
    case BUNDLE_SERVER:
        break;
    }
    return 0;
}

/* Whether a file of a folder means to be one of ours, so that a broken one is worth a word. */
static bool means_it(const char *path, struct slice bytes)
{
    static const char *const ends[] = { ".crt", ".cer", ".cert", ".der", ".kubeconfig" };

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (slice_ends(slice_str(path), ends[i]))
            return true;
    return bytes.len && (memmem(bytes.ptr, bytes.len, "BEGIN CERTIFICATE-", 18) ||
                         memmem(bytes.ptr, bytes.len, "kind: Config\n", 13));
}

static bool seen_before(struct found *f, const struct stat *st)
{
    for (size_t i = 0; i < f->seen_count; i++)
        if (f->seen[i].inode == st->st_ino && f->seen[i].device == st->st_dev)
            return true;
    f->seen = grow(f->seen, f->seen_count, sizeof *f->seen);
    f->seen[f->seen_count++] = (struct file_id){ st->st_dev, st->st_ino };
    return false;
}

static void find_file(struct found *f, const struct finding_in *from, const char *path)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct finding_in in = *from;
    struct err e = { 0 };
    struct stat st;

    in.path = path;
    if (stat(path, &st) || (!in.named && !S_ISREG(st.st_mode)) || seen_before(f, &st))
        return;
    if (f->seen_count > FIND_MAX_FILES) {
        f->truncated = true;
        return;
    }
    in.mode = st.st_mode;
    in.file = f->seen_count;
    if (!in.named && st.st_size > FIND_MAX_SIZE)
        return;
    if (file_read(&bytes, path, FIND_MAX_SIZE, &e)) {
        if (in.named || means_it(path, slice_of(NULL, 0)))
            add_note(&in, "unreadable", "%s", err_text(&e));
        return;
    }
    if (!in.named && bundle_form(buf_slice(&bytes)) == BUNDLE_NOTHING)
        return;
    if (bundle_read(buf_slice(&bytes), take_item, &in, &e) &&
        (in.named || means_it(path, buf_slice(&bytes))))
        add_note(&in, "unreadable", "%s", err_text(&e));
}

/* ---- folders ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in byte order, so that a run prints what the one before printed; -1 with errno. */
static int list_folder(const char *path, char ***names, size_t *count)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (!dir)
        return -1;
    while ((entry = readdir(dir)) && *count <= FIND_MAX_FILES) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        *names = grow(*names, *count, sizeof **names);
        (*names)[(*count)++] = xstrdup(entry->d_name);
    }
    closedir(dir);
    if (*count)
        qsort(*names, *count, sizeof **names, by_name);
    return 0;
}

/* Links to files are followed (the kubelet's current certificate is one), links to folders not. */
static void find_folder(struct found *f, const struct finding_in *from, const char *path)
{
    struct finding_in in = *from;
    char **names = NULL;
    size_t count = 0;

    in.path = path;
    if (list_folder(path, &names, &count))
        add_note(&in, "unreadable", "cannot list the folder: %s", strerrordesc_np(errno));
    in.depth++;
    for (size_t i = 0; i < count; i++) {
        CLEANUP(freep) char *inner = xasprintf("%s/%s", path, names[i]);
        struct stat st;

        free(names[i]);
        if (lstat(inner, &st))
            continue;
        if (!S_ISDIR(st.st_mode))
            find_file(f, &in, inner);
        else if (in.depth < FIND_MAX_DEPTH)
            find_folder(f, &in, inner);
        else
            f->truncated = true;
    }
    free(names);
}

void find_in(struct found *f, size_t target, const char *path)
{
    struct finding_in in = { .found = f, .target = target, .path = path };
    CLEANUP(freep) char *folder = xstrdup(path);
    size_t len = strlen(folder);
    struct stat st;

    while (len > 1 && folder[len - 1] == '/')
        folder[--len] = '\0';
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        find_folder(f, &in, folder);
        return;
    }
    in.named = true;
    find_file(f, &in, path);
}
