#include "agent/takeup.h"
#include "agent/work.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include <unistd.h>

enum { REPORT_SECONDS = 600, NS = 1000000000, HASH_SHOWN = 16 };

/* One line of the report. */
struct line {
    const struct use *use; /* NULL: nobody keeps it open */
    const char *path, *state;
    char wanted[64], installed[64], loaded[64], error[256];
    int64_t mtime, renews;
};

static void put_time(struct json_writer *json, const char *key, int64_t t)
{
    if (t > 0)
        json_put_time(json, key, t);
}

static void put_line(struct json_writer *json, const struct line *l)
{
    json_put_object(json, NULL);
    json_put_text(json, "component", l->use ? l->use->component->name : "");
    json_put_text(json, "path", l->path);
    json_put_text(json, "state", l->state);
    json_put_text(json, "wanted", l->wanted);
    json_put_text(json, "installed", l->installed);
    json_put_text(json, "loaded", l->loaded);
    put_time(json, "since", l->mtime / NS);
    put_time(json, "renews", l->renews);
    json_put_text(json, "error", l->error);
    json_put_end(json);
}

/* ---- what is loaded ---- */

static void set_waiting(struct line *l, const char *why)
{
    l->state = "waiting";
    (void)snprintf(l->error, sizeof l->error, "%.250s", why);
}

static void prove_shown(struct line *l)
{
    struct err e = { 0 };

    if (takeup_serial(l->use->component, l->use->port, l->loaded, &e))
        set_waiting(l, e.msg);
    else if (strcmp(l->loaded, l->installed) != 0) {
        CLEANUP(freep)
        char *why = xasprintf("%s port %u shows another certificate than this one",
                              l->use->component->address, l->use->port);

        set_waiting(l, why);
    }
}

static void prove_started(struct line *l)
{
    struct err e = { 0 };
    int64_t began;

    if (takeup_started(l->use->component, &began, &e))
        set_waiting(l, e.msg);
    else if (began < l->mtime)
        set_waiting(l, "its process is older than the file: it has to be restarted");
    else
        (void)snprintf(l->loaded, sizeof l->loaded, "%s", l->installed);
}

/* Nothing here can see it: what its source says has passed. */
static void prove_by_time(struct line *l, int64_t now)
{
    struct err e = { 0 };
    int64_t began;

    if (takeup_started(l->use->component, &began, &e))
        set_waiting(l, e.msg);
    else if (began < l->mtime && now < l->mtime / NS + (int64_t)l->use->seconds)
        set_waiting(l, "it will read it by itself");
    else
        (void)snprintf(l->loaded, sizeof l->loaded, "%s", l->installed);
}

static void prove(struct line *l, int64_t now)
{
    if (!l->use)
        return;
    switch (l->use->proof) {
    case PROOF_HANDSHAKE:
        prove_shown(l);
        break;
    case PROOF_START:
        prove_started(l);
        break;
    case PROOF_NONE:
    case PROOF_PEER:
    case PROOF_TRUST:
        prove_by_time(l, now);
        break;
    }
}

static void put_lines(const struct work *w, struct json_writer *json, struct line *l,
                      const struct uses *uses)
{
    bool stale = strcmp(l->state, "current") != 0;

    for (size_t i = 0; i < uses->count || i == 0; i++) {
        struct line one = *l;

        one.use = uses->count ? &uses->use[i] : NULL;
        if (!stale)
            prove(&one, w->a->now);
        put_line(json, &one);
    }
}

/* ---- what there is ---- */

static void put_pair(const struct work *w, struct json_writer *json, size_t i)
{
    const struct pair *p = &w->pair[i];
    struct line l = { .state = p->reason ? "stale" : "current",
                      .mtime = w->pair_mtime[i],
                      .renews = p->renews };

    l.path = p->wanted->cert ? p->wanted->cert
                             : desired_kubeconfig(&w->a->desired, p->wanted->slot)->path;
    (void)snprintf(l.installed, sizeof l.installed, "%s", p->serial);
    (void)snprintf(l.wanted, sizeof l.wanted, "%s", p->reason ? "new" : p->serial);
    (void)snprintf(l.error, sizeof l.error, "%s", p->reason ? p->reason : "");
    put_lines(w, json, &l, &p->wanted->uses);
}

static void put_hash(char out[64], const struct buf *bytes)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };

    sha256_hex(&hex, buf_slice(bytes));
    (void)snprintf(out, 64, "%.*s", HASH_SHOWN, buf_str(&hex));
}

static void put_file(const struct work *w, struct json_writer *json, const struct work_file *f)
{
    struct line l = { .path = f->wanted->path,
                      .state = work_file_differs(f) ? "stale" : "current",
                      .mtime = f->exists ? f->mtime : 0 };

    if (f->wanted->public) { /* not even a hash of it leaves the machine */
        (void)snprintf(l.wanted, sizeof l.wanted, "key");
        (void)snprintf(l.installed, sizeof l.installed, "%s", f->pending ? "" : "key");
    } else {
        if (f->pending)
            (void)snprintf(l.wanted, sizeof l.wanted, "new");
        else
            put_hash(l.wanted, &f->bytes);
        if (f->exists)
            put_hash(l.installed, &f->before);
    }
    put_lines(w, json, &l, &f->wanted->uses);
}

/* A kubeconfig that holds its pair was told with it. */
static bool is_embedding(const struct work *w, const struct work_file *f)
{
    for (size_t i = 0; f->wanted->slot && i < w->a->desired.leaf_count; i++)
        if (strcmp(w->pair[i].wanted->slot, f->wanted->slot) == 0)
            return !w->pair[i].wanted->cert;
    return false;
}

static void read_boot(char out[64])
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    FILE *f = fopen(path, "re");

    out[0] = '\0';
    if (!f)
        return;
    if (fgets(out, 64, f))
        out[strcspn(out, "\n")] = '\0';
    (void)fclose(f);
}

static void write_report(const struct agent *a, const struct work *w, struct buf *out)
{
    struct json_writer json;
    char boot[64];

    read_boot(boot);
    json_writer_init(&json, out, false);
    json_put_object(&json, NULL);
    json_put_text(&json, "revision", strchr(a->revision, '-') ? strchr(a->revision, '-') + 1 : "");
    json_put_text(&json, "version", POTERNE_VERSION);
    json_put_text(&json, "boot", boot);
    json_put_slice(&json, "error", slice_of(a->error, strnlen(a->error, 255)));
    json_put_array(&json, "items");
    for (size_t i = 0; w && i < a->desired.leaf_count; i++)
        put_pair(w, &json, i);
    for (size_t i = 0; w && i < a->desired.file_count; i++)
        if (!is_embedding(w, &w->file[i]))
            put_file(w, &json, &w->file[i]);
    json_put_end(&json);
}

/* Said again only when it is new, or old. */
int report_send(struct agent *a, const struct work *w, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *reply = NULL;
    char path[128];

    write_report(a, w, &text);
    if (slice_eq(buf_slice(&text), buf_slice(&a->said)) && a->now < a->said_at + REPORT_SECONDS)
        return 0;
    buf_reset(&a->said);
    buf_add_slice(&a->said, buf_slice(&text));
    buf_addf(&text, ",\"clock\":%lld}", (long long)a->now);
    (void)snprintf(path, sizeof path, "/v1/agent/status?instance=%s", a->instance);
    a->said_at = 0;
    if (buf_check(&text, e) || agent_post(a->transport, path, buf_slice(&text), &reply, e)) {
        buf_reset(&a->said);
        return err_wrap(e, "report");
    }
    a->said_at = a->now;
    return 0;
}
