#include "agent/work.h"

#include "agent/identity.h"
#include "base/encode.h"
#include "crypto/cms.h"
#include "crypto/pem.h"
#include <stdarg.h>

#define STATE_FILE "state.json"

void agent_say(const struct agent *a, const char *format, ...)
{
    char text[512];
    va_list ap;

    if (!a->say)
        return;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    a->say(text, a->ctx);
}

void work_clear(struct work *w)
{
    for (size_t i = 0; i < DESIRED_MAX_LEAVES; i++)
        pair_clear(&w->pair[i]);
    for (size_t i = 0; i < DESIRED_MAX_FILES; i++) {
        buf_clear(&w->file[i].bytes);
        buf_clear(&w->file[i].before);
    }
}

/* ---- what `node renew` counted, as far as it was done ---- */

static int64_t renewed(const struct agent *a)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (home_read(a->tree.home, STATE_FILE, &text, NULL) ||
        json_parse(&doc, buf_slice(&text), NULL, NULL))
        return 0;
    return json_int(json_get(json_root(doc), "renew"), 0);
}

static int keep_renewed(const struct agent *a, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    if (renewed(a) == a->desired.renew)
        return 0;
    buf_addf(&text, "{\"renew\":%lld}\n", (long long)a->desired.renew);
    return home_write(a->tree.home, STATE_FILE, buf_slice(&text), e);
}

/* ---- looking ---- */

static int look_at_pairs(struct work *w, struct err *e)
{
    const struct desired *d = &w->a->desired;
    bool all = d->renew > renewed(w->a);

    for (size_t i = 0; i < d->leaf_count; i++) {
        struct pair *p = &w->pair[i];
        const char *path;
        CLEANUP(buf_clear) struct buf text = { 0 };
        mode_t mode;

        p->wanted = &d->leaf[i];
        if (pair_find(p, &w->a->tree, d, e))
            return -1;
        pair_judge(p, w->a->now);
        if (all && !p->reason)
            p->reason = "asked for";
        w->due += p->reason != NULL;
        path = p->wanted->cert ? p->wanted->cert : desired_kubeconfig(d, p->wanted->slot)->path;
        if (tree_read(&w->a->tree, path, &text, &mode, &w->pair_mtime[i], NULL))
            w->pair_mtime[i] = 0;
    }
    return 0;
}

static const struct pair *pair_of(const struct work *w, const char *slot)
{
    for (size_t i = 0; i < w->a->desired.leaf_count; i++)
        if (strcmp(w->pair[i].wanted->slot, slot) == 0)
            return &w->pair[i];
    return NULL;
}

/* The last public key of the set is that of the key which signs. */
static bool secret_fits(struct slice private_pem, struct slice public_pem)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    CLEANUP(key_freep) struct key *private = NULL;
    struct slice last = slice_of(NULL, 0);

    if (!private_pem.len || key_read_private(&private, private_pem, NULL))
        return false;
    while (pem_next(&public_pem, &block, NULL) == 1)
        last = buf_slice(&block.der);
    return slice_eq(key_spki(private), last);
}

/* What is to be there, as far as it is known. */
static void fill_file(struct work *w, struct work_file *f)
{
    const struct wanted_file *wanted = f->wanted;
    const struct pair *pair = wanted->slot ? pair_of(w, wanted->slot) : NULL;

    buf_reset(&f->bytes);
    f->pending = false;
    if (pair) {
        f->pending = !pair->wanted->cert && pair->reason;
        pair_fill(pair, wanted->text, &f->bytes);
    } else if (wanted->public) {
        f->pending =
            !secret_fits(buf_slice(&f->before), desired_file(&w->a->desired, wanted->public)->text);
        if (!f->pending)
            buf_add_slice(&f->bytes, buf_slice(&f->before));
    } else {
        buf_add_slice(&f->bytes, wanted->text);
    }
}

static int look_at_files(struct work *w, struct err *e)
{
    const struct desired *d = &w->a->desired;

    for (size_t i = 0; i < d->file_count; i++) {
        struct work_file *f = &w->file[i];
        struct err why = { 0 };

        f->wanted = &d->file[i];
        f->exists = !tree_read(&w->a->tree, f->wanted->path, &f->before, &f->mode, &f->mtime, &why);
        if (!f->exists && why.code != ERR_NOT_FOUND)
            return err_pass(e, &why);
        fill_file(w, f);
    }
    return 0;
}

int work_look(struct work *w, struct err *e)
{
    w->due = 0;
    return look_at_pairs(w, e) || look_at_files(w, e) ? -1 : 0;
}

bool work_file_differs(const struct work_file *f)
{
    return f->pending || !f->exists || f->mode != f->wanted->mode ||
           !slice_eq(buf_slice(&f->bytes), buf_slice(&f->before));
}

bool work_differs(const struct work *w)
{
    if (w->due)
        return true;
    for (size_t i = 0; i < w->a->desired.file_count; i++)
        if (work_file_differs(&w->file[i]))
            return true;
    return false;
}

void work_explain(const struct work *w)
{
    const struct desired *d = &w->a->desired;

    for (size_t i = 0; i < d->leaf_count; i++)
        if (w->pair[i].reason)
            agent_say(w->a, "would make a key and a certificate for %s: %s",
                      w->pair[i].wanted->slot, w->pair[i].reason);
    for (size_t i = 0; i < d->file_count; i++)
        if (work_file_differs(&w->file[i]))
            agent_say(w->a, "would %s %s", w->file[i].exists ? "replace" : "write",
                      d->file[i].path);
}

/* ---- certificates ---- */

static int write_orders(const struct work *w, struct buf *body, struct err *e)
{
    struct json_writer json;

    json_writer_init(&json, body, false);
    json_put_object(&json, NULL);
    json_put_array(&json, "items");
    for (size_t i = 0; i < w->a->desired.leaf_count; i++) {
        const struct pair *p = &w->pair[i];

        if (!p->reason)
            continue;
        json_put_object(&json, NULL);
        json_put_text(&json, "slot", p->wanted->slot);
        json_put_text(&json, "profile", p->wanted->profile);
        json_put_slice(&json, "csr", buf_slice(&p->csr));
        json_put_end(&json);
    }
    json_put_end(&json);
    json_put_end(&json);
    return buf_check(body, e);
}

static int take_certificates(struct work *w, const struct json_value *items, struct err *e)
{
    struct json_iter it = json_iter(items);
    const struct json_value *row;
    const char *key, *pem;

    for (size_t i = 0; i < w->a->desired.leaf_count; i++) {
        struct pair *p = &w->pair[i];

        if (!p->csr.len)
            continue;
        if (!json_next(&it, &key, &row) ||
            !slice_eq_str(json_slice(json_get(row, "slot")), p->wanted->slot))
            return err_set(e, ERR_REFUSED, "no certificate came back for '%.64s'", p->wanted->slot);
        if (json_want_text(row, "certificate", &pem, e) ||
            pair_accept(p, slice_str(pem), w->a->now, e))
            return -1;
        p->reason = NULL;
    }
    return 0;
}

static int renew_pairs(struct work *w, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(json_freep) struct json *reply = NULL;
    char path[128];

    if (!w->due)
        return 0;
    for (size_t i = 0; i < w->a->desired.leaf_count; i++) {
        if (!w->pair[i].reason)
            continue;
        agent_say(w->a, "new key and certificate for %s: %s", w->pair[i].wanted->slot,
                  w->pair[i].reason);
        if (pair_renew(&w->pair[i], e))
            return -1;
    }
    (void)snprintf(path, sizeof path, "/v1/agent/certificates?instance=%s", w->a->instance);
    if (write_orders(w, &body, e) || agent_post(w->a->transport, path, buf_slice(&body), &reply, e))
        return -1;
    return take_certificates(w, json_get(json_root(reply), "items"), e);
}

/* ---- the service-account key ---- */

static int open_sealed(struct buf *out, const struct json_value *reply, struct slice cert,
                       struct slice key_pem, struct err *e)
{
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };

    if (base64_decode(&sealed, json_slice(json_get(reply, "sealed")), e) ||
        cms_decrypt(&plain, buf_slice(&sealed), NULL, cert, key_pem, e))
        return err_wrap(e, "the sealed key");
    buf_add_slice(out, secret_slice(&plain));
    return 0;
}

static int fetch_secret(struct work *w, struct work_file *f, struct err *e)
{
    CLEANUP(buf_clear) struct buf cert = { 0 };
    CLEANUP(buf_clear) struct buf key = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(json_freep) struct json *reply = NULL;
    struct json_writer json;
    char path[128];

    if (identity_recipient(w->a->tree.home, &cert, &key, e))
        return -1;
    json_writer_init(&json, &body, false);
    json_put_object(&json, NULL);
    json_put_base64(&json, "recipient", buf_slice(&cert));
    json_put_end(&json);
    (void)snprintf(path, sizeof path, "/v1/agent/service-account-key?instance=%s", w->a->instance);
    if (agent_post(w->a->transport, path, buf_slice(&body), &reply, e))
        return -1;
    buf_reset(&f->bytes);
    if (open_sealed(&f->bytes, json_root(reply), buf_slice(&cert), buf_slice(&key), e))
        return -1;
    if (!secret_fits(buf_slice(&f->bytes), desired_file(&w->a->desired, f->wanted->public)->text))
        return err_set(e, ERR_REFUSED, "the key that came for '%s' is not that of '%s'",
                       f->wanted->path, f->wanted->public);
    f->pending = false;
    return 0;
}

/* ---- files ---- */

/* The key first: a pair that does not fit is refused by every reader, which then keeps the old
 * one. */
static size_t list_pairs(const struct work *w, struct tree_file *out)
{
    size_t count = 0;

    for (size_t i = 0; i < w->a->desired.leaf_count; i++) {
        const struct pair *p = &w->pair[i];

        if (!p->csr.len || !p->wanted->cert)
            continue;
        out[count++] = (struct tree_file){ p->wanted->key, buf_slice(&p->key), 0600, false };
        out[count++] = (struct tree_file){ p->wanted->cert, buf_slice(&p->cert), 0644, false };
    }
    return count;
}

static size_t list_files(const struct work *w, struct tree_file *out)
{
    size_t count = 0;

    for (size_t i = 0; i < w->a->desired.file_count; i++) {
        const struct work_file *f = &w->file[i];

        if (work_file_differs(f))
            out[count++] =
                (struct tree_file){ f->wanted->path, buf_slice(&f->bytes), f->wanted->mode, false };
    }
    return count;
}

static int make_contents(struct work *w, struct err *e)
{
    if (renew_pairs(w, e))
        return -1;
    for (size_t i = 0; i < w->a->desired.file_count; i++) {
        struct work_file *f = &w->file[i];

        if (!f->wanted->public)
            fill_file(w, f);
        else if (f->pending && fetch_secret(w, f, e))
            return -1;
    }
    return 0;
}

int work_install(struct work *w, struct err *e)
{
    struct tree_file files[TREE_MAX_FILES];
    size_t count;

    _Static_assert(2 * DESIRED_MAX_LEAVES + DESIRED_MAX_FILES <= TREE_MAX_FILES, "room for all");
    if (make_contents(w, e))
        return -1;
    count = list_pairs(w, files);
    count += list_files(w, files + count);
    if (tree_install(&w->a->tree, files, count, e) || keep_renewed(w->a, e))
        return -1;
    w->installed = count > 0;
    agent_say(w->a, "installed %zu files in %s", count, w->a->tree.path);
    for (size_t i = 0; i < w->a->desired.leaf_count; i++)
        pair_clear(&w->pair[i]);
    return work_look(w, e);
}
