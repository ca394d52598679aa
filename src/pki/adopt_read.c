#include "pki/adopt_internal.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "pki/bundle.h"
#include <stdarg.h>

enum { WITHIN = 30 * 86400 }; /* seconds: what ends sooner is said to be expiring */

void adoption_clear(struct adoption *a)
{
    for (size_t i = 0; i < a->ca_count; i++) {
        buf_clear(&a->ca[i].cert);
        buf_clear(&a->ca[i].key);
    }
    for (size_t i = 0; i < a->leaf_count; i++) {
        free(a->leaf[i].entry);
        buf_clear(&a->leaf[i].der);
    }
    for (size_t i = 0; i < a->sa_count; i++) {
        buf_clear(&a->sa[i].key);
        buf_clear(&a->sa[i].spki);
    }
    for (size_t i = 0; i < a->note_count; i++)
        free(a->note[i].text);
    for (size_t i = 0; i < a->server_count; i++)
        free(a->server[i]);
    free(a->leaf);
    free(a->note);
    cluster_clear(&a->spec);
    *a = (struct adoption){ 0 };
}

/* ---- notes ---- */

struct noting {
    struct adoption *a;
    const char *path;
};

static void take_note(const struct finding *f, void *ctx)
{
    const struct noting *n = ctx;
    struct adoption *a = n->a;

    if (a->note_count == ADOPT_NOTES)
        return;
    a->note = xrealloc_array(a->note, a->note_count + 1, sizeof *a->note);
    a->note[a->note_count++] = (struct adopt_note){ n->path, f->level, f->code, xstrdup(f->text) };
}

void adopt_note(struct adoption *a, const char *path, const char *code, const char *format, ...)
{
    struct noting noting = { a, path };
    struct finding_sink sink = { take_note, &noting };
    CLEANUP(buf_clear) struct buf text = { 0 };
    va_list ap;

    va_start(ap, format);
    buf_vaddf(&text, format, ap);
    va_end(ap);
    finding_report(&sink, code, "%s", buf_str(&text));
}

/* ---- authorities ---- */

static const struct adopt_file *find_file(const struct adoption *a, const char *path)
{
    for (size_t i = 0; path && i < a->what->file_count; i++)
        if (strcmp(adopt_layout_path(a->layout, a->what->file[i].path), path) == 0)
            return &a->what->file[i];
    return NULL;
}

struct taking {
    struct adoption *a;
    struct adopt_ca *ca;
    unsigned certs, keys;
};

/* As kubeadm and k3s read such a file: the first certificate is the one that signs. */
static int take_ca(const struct bundle_item *item, void *ctx, struct err *e)
{
    struct taking *t = ctx;

    if (item->kind != BUNDLE_CERT || t->certs++)
        return 0;
    buf_add_slice(&t->ca->cert, item->bytes);
    if (x509_cert_read(&t->ca->view, buf_slice(&t->ca->cert), e))
        return -1;
    if (!t->ca->view.ext.ca)
        return err_set(e, ERR_INVALID, "it is not a CA's");
    return 0;
}

static int take_ca_key(const struct bundle_item *item, void *ctx, struct err *e)
{
    struct taking *t = ctx;
    CLEANUP(key_freep) struct key *key = NULL;

    if (item->kind == BUNDLE_HIDDEN_KEY)
        adopt_note(t->a, t->ca->path, "key-refused", "its key is encrypted, or of an unknown kind");
    if (item->kind != BUNDLE_KEY || t->keys++)
        return 0;
    if (key_read_private(&key, item->bytes, e))
        return -1;
    if (slice_eq(key_spki(key), t->ca->view.spki))
        buf_add_slice(&t->ca->key, item->bytes);
    else
        adopt_note(t->a, t->ca->path, "key-mismatch",
                   "the key beside it is of another certificate");
    return 0;
}

static int set_skid(struct adopt_ca *ca, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf hex = { 0 };
    uint8_t id[20];

    if (ca->view.ext.skid.len) {
        hex_encode(&hex, ca->view.ext.skid);
    } else {
        if (key_read_public(&key, ca->view.spki, e))
            return -1;
        key_id_sha1(key, id);
        hex_encode(&hex, slice_of(id, sizeof id));
    }
    (void)snprintf(ca->skid, sizeof ca->skid, "%s", buf_str(&hex));
    return 0;
}

static void judge_strength(struct adoption *a, struct adopt_ca *ca)
{
    CLEANUP(key_freep) struct key *key = NULL;

    struct err e = { 0 };

    if (!ca->key.len || key_read_private(&key, buf_slice(&ca->key), NULL) ||
        !key_check_strength(key, &e))
        return;
    adopt_note(a, ca->path, "key-refused", "its key is not used here and stays elsewhere: %s",
               err_text(&e));
    buf_reset(&ca->key);
}

static int read_ca(struct adoption *a, const struct adopt_row *row, struct err *e)
{
    const struct adopt_file *cert = find_file(a, row->path), *key = find_file(a, row->key);
    struct adopt_ca *ca = &a->ca[a->ca_count];
    struct taking t = { .a = a, .ca = ca };

    if (!cert)
        return 0;
    a->ca_count++;
    ca->row = row;
    ca->path = cert->path;
    ca->roles = row->roles;
    if (bundle_read(cert->bytes, take_ca, &t, e))
        return err_wrap(e, "'%s'", cert->path);
    if (!t.certs)
        return err_set(e, ERR_INVALID, "'%s' holds no certificate", cert->path);
    if (t.certs > 1)
        adopt_note(a, cert->path, "ca-bundle",
                   "holds %u certificates: the first is the one that signs, and is taken", t.certs);
    if (row->remark)
        adopt_note(a, cert->path, "ca-watched", "%s", row->remark);
    if (key && bundle_read(key->bytes, take_ca_key, &t, e))
        return err_wrap(e, "'%s'", key->path);
    judge_strength(a, ca);
    return set_skid(ca, e);
}

/* A role belongs to the last row that is there; two files with one certificate are one CA. */
static void settle_roles(struct adoption *a)
{
    for (size_t i = 0; i < a->ca_count; i++) {
        struct adopt_ca *ca = &a->ca[i];

        for (size_t k = i + 1; k < a->ca_count; k++)
            ca->roles &= ~a->ca[k].roles;
        for (size_t k = 0; k < i; k++) {
            if (!ca->roles || !slice_eq(buf_slice(&a->ca[k].cert), buf_slice(&ca->cert)))
                continue;
            a->ca[k].roles |= ca->roles;
            ca->roles = 0;
            if (!a->ca[k].key.len)
                buf_add_slice(&a->ca[k].key, buf_slice(&ca->key));
        }
    }
}

static int read_cas(struct adoption *a, struct err *e)
{
    unsigned found = 0;

    _Static_assert(ADOPT_CAS >= 6, "a place for each row");
    for (size_t i = 0; i < a->layout->row_count; i++)
        if (a->layout->row[i].what != ADOPT_SERVICE_ACCOUNT && read_ca(a, &a->layout->row[i], e))
            return -1;
    settle_roles(a);
    for (size_t i = 0; i < a->ca_count; i++)
        found |= a->ca[i].roles;
    if (!(found & 1U << AUTHORITY_CONTROL_PLANE))
        return err_set(e, ERR_NOT_FOUND,
                       "there is no '%s': is the folder that of a %s control-plane machine?",
                       a->layout->row[0].path, a->layout->name);
    for (int role = 0; role < AUTHORITY_ROLES; role++)
        if (!(found & 1U << role))
            adopt_note(a, NULL, "authority-missing",
                       "the folder holds no %s CA: that authority is not adopted",
                       authority_role_name((enum authority_role)role));
    return 0;
}

/* ---- leaves and kubeconfigs ---- */

struct reading {
    struct adoption *a;
    const struct adopt_file *file;
};

/* AKID and names say which; the signature says whether. */
static const struct adopt_ca *find_issuer(const struct adoption *a, const struct x509_cert *cert)
{
    for (size_t i = 0; i < a->ca_count; i++) {
        const struct adopt_ca *ca = &a->ca[i];
        CLEANUP(key_freep) struct key *key = NULL;

        if (slice_eq(ca->view.subject, cert->issuer) &&
            key_read_public(&key, ca->view.spki, NULL) == 0 &&
            key_verify(key, cert->sig_alg, cert->sig_params, cert->tbs, cert->sig, NULL) == 0)
            return ca;
    }
    return NULL;
}

static bool have_leaf(const struct adoption *a, struct slice der)
{
    for (size_t i = 0; i < a->leaf_count; i++)
        if (slice_eq(buf_slice(&a->leaf[i].der), der))
            return true;
    return false;
}

static void add_leaf(struct adoption *a, const char *path, const struct bundle_item *item)
{
    struct adopt_leaf *leaf;
    struct x509_cert view;
    struct err why = { 0 };

    if (x509_cert_read(&view, item->bytes, &why)) {
        adopt_note(a, path, "unreadable", "%s", err_text(&why));
        return;
    }
    if (view.ext.ca || have_leaf(a, item->bytes) || a->leaf_count == ADOPT_LEAVES)
        return;
    a->leaf = xrealloc_array(a->leaf, a->leaf_count + 1, sizeof *a->leaf);
    leaf = &a->leaf[a->leaf_count++];
    *leaf = (struct adopt_leaf){ .path = path, .entry = item->entry ? xstrdup(item->entry) : NULL };
    buf_add_slice(&leaf->der, item->bytes);
    leaf->issuer = NULL;
    if (x509_cert_read(&leaf->view, buf_slice(&leaf->der), &why) == 0)
        leaf->issuer = find_issuer(a, &leaf->view);
}

static int take_item(const struct bundle_item *item, void *ctx, struct err *e)
{
    struct reading *r = ctx;

    (void)e;
    if (item->kind == BUNDLE_CERT)
        add_leaf(r->a, r->file->path, item);
    else if (item->kind == BUNDLE_SERVER && r->a->server_count < ARRAY_LEN(r->a->server))
        r->a->server[r->a->server_count++] = xstrdup(item->text);
    return 0;
}

static void read_leaves(struct adoption *a)
{
    for (size_t i = 0; i < a->what->file_count; i++) {
        struct reading r = { a, &a->what->file[i] };
        struct err why = { 0 };

        if (bundle_form(r.file->bytes) != BUNDLE_NOTHING &&
            bundle_read(r.file->bytes, take_item, &r, &why))
            adopt_note(a, r.file->path, "unreadable", "%s", err_text(&why));
    }
}

/* ---- the key of service accounts ---- */

static int take_sa_key(const struct bundle_item *item, void *ctx, struct err *e)
{
    struct adoption *a = ctx;
    CLEANUP(key_freep) struct key *key = NULL;
    struct adopt_key *sa = &a->sa[a->sa_count];

    if (item->kind != BUNDLE_KEY && item->kind != BUNDLE_PUBLIC)
        return 0;
    if (item->kind == BUNDLE_KEY ? key_read_private(&key, item->bytes, e)
                                 : key_read_public(&key, item->bytes, e))
        return -1;
    for (size_t i = 0; i < a->sa_count; i++)
        if (slice_eq(buf_slice(&a->sa[i].spki), key_spki(key)))
            return 0;
    if (a->sa_count == ADOPT_SA_KEYS)
        return err_set(e, ERR_LIMIT, "more than %d keys of service accounts", ADOPT_SA_KEYS);
    a->sa_count++;
    buf_add_slice(&sa->spki, key_spki(key));
    if (item->kind == BUNDLE_KEY)
        buf_add_slice(&sa->key, item->bytes);
    return 0;
}

/* Private ones first: a public one that is left has its key elsewhere. */
static int read_service_account(struct adoption *a, struct err *e)
{
    for (size_t i = 0; i < a->layout->row_count; i++) {
        const struct adopt_row *row = &a->layout->row[i];
        const struct adopt_file *key = find_file(a, row->key), *public = find_file(a, row->path);

        if (row->what != ADOPT_SERVICE_ACCOUNT)
            continue;
        if (key && bundle_read(key->bytes, take_sa_key, a, e))
            return err_wrap(e, "'%s'", key->path);
        if (public && bundle_read(public->bytes, take_sa_key, a, e))
            return err_wrap(e, "'%s'", public->path);
    }
    return 0;
}

/* ---- judgement ---- */

static int judge(struct adoption *a, struct err *e)
{
    struct slice roots[ADOPT_CAS];
    struct inspect_input in = { .roots = roots, .now = a->now, .within = WITHIN };

    for (size_t i = 0; i < a->ca_count; i++)
        roots[in.root_count++] = buf_slice(&a->ca[i].cert);
    for (size_t i = 0; i < a->ca_count + a->leaf_count; i++) {
        bool leaf = i >= a->ca_count;
        struct noting noting = { a, leaf ? a->leaf[i - a->ca_count].path : a->ca[i].path };

        in.der = buf_slice(leaf ? &a->leaf[i - a->ca_count].der : &a->ca[i].cert);
        if (inspect_certificate(&in, take_note, &noting, e))
            return -1;
    }
    return 0;
}

static int check_request(struct adoption *a, struct err *e)
{
    if (!a->layout)
        return err_set(e, ERR_INVALID, "there is no layout '%.40s' to adopt: kubeadm or k3s",
                       a->what->layout);
    if (a->what->file_count > ADOPT_MAX_FILES)
        return err_set(e, ERR_LIMIT, "more than %d files", ADOPT_MAX_FILES);
    for (size_t i = 0; i < a->what->file_count; i++)
        if (a->what->file[i].bytes.len > ADOPT_MAX_SIZE)
            return err_set(e, ERR_LIMIT, "'%.200s' has more than %d bytes", a->what->file[i].path,
                           ADOPT_MAX_SIZE);
    return cluster_name_check(a->what->name, "cluster name", e);
}

int adopt_read(struct adoption *a, struct err *e)
{
    a->layout = adopt_layout_find(a->what->layout);
    if (check_request(a, e) || read_cas(a, e) || read_service_account(a, e))
        return -1;
    read_leaves(a);
    return judge(a, e);
}
