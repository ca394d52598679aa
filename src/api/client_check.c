#include "api/client.h"
#include "api/client_find.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "net/probe.h"
#include "pki/inspect.h"
#include <sys/stat.h>

/*
 * `cert check`: files, folders and live endpoints, ours or not. All files are read first, because
 * the CAs among them are what everything else is verified against.
 */
enum { MAX_TARGETS = 256, PROBE_MS = 5000 };
enum { EXIT_EXPIRING = 6, EXIT_FAULT = 7, EXIT_UNREACHABLE = 8 };

struct target {
    const char *text;
    bool endpoint;
    struct probe_target where;
};
struct check {
    struct target target[MAX_TARGETS];
    size_t target_count;
    const struct json_value *ignore; /* codes that are said and do not count */
    int64_t now, within;
    struct found found;
    struct slice *root;
    size_t root_count;
    struct json_writer *reply;
    int64_t good, expiring, faults, unreachable; /* items; the last are among the faults */
    enum finding_level worst;                    /* of the item that is being written ... */
    struct buf summary; /* ... and the texts of its findings, for a table */
};

static void check_clear(struct check *c)
{
    found_clear(&c->found);
    free(c->root);
    buf_clear(&c->summary);
}

/* ---- arguments ---- */

static int read_target(struct target *t, const char *text, struct err *e)
{
    struct err why = { 0 };
    struct stat st;

    t->text = text;
    if (stat(text, &st) == 0)
        return 0;
    t->endpoint = probe_parse(&t->where, text, &why) == 0;
    return t->endpoint
               ? 0
               : err_set(e, ERR_NOT_FOUND,
                         "there is no file or folder '%.200s', and it is not HOST:PORT", text);
}

static bool ignored(const struct check *c, const char *code)
{
    for (size_t i = 0; i < json_len(c->ignore); i++)
        if (slice_eq_str(json_slice(json_at(c->ignore, i)), code))
            return true;
    return false;
}

static int read_ignore(struct check *c, const struct json_value *list, struct err *e)
{
    for (size_t i = 0; i < json_len(list); i++) {
        struct slice code = json_slice(json_at(list, i));
        bool known = false;

        for (size_t k = 0; k < finding_kind_count && !known; k++)
            known = slice_eq_str(code, finding_kinds[k].code);
        if (!known)
            return err_set(e, ERR_INVALID, "there is no finding '%.40s' to ignore",
                           code.ptr ? (const char *)code.ptr : "");
    }
    c->ignore = list;
    return 0;
}

static int read_args(struct check *c, const struct json_value *args, struct err *e)
{
    const struct json_value *targets = json_get(args, "targets");
    const char *within = json_text(json_get(args, "within"));

    c->now = clock_wall();
    c->within = DAYS(30);
    if (within && duration_parse(&c->within, slice_str(within), e))
        return err_wrap(e, "within");
    if (json_len(targets) == 0 || json_len(targets) > MAX_TARGETS)
        return err_set(e, ERR_INVALID, "name 1 to %d files, folders or endpoints", MAX_TARGETS);
    for (; c->target_count < json_len(targets); c->target_count++) {
        const char *text = json_text(json_at(targets, c->target_count));

        if (!text || read_target(&c->target[c->target_count], text, e))
            return text ? -1 : err_set(e, ERR_INVALID, "a target is not a text");
    }
    return read_ignore(c, json_get(args, "ignore"), e);
}

/* ---- one item of the reply ---- */

static void put_finding(const struct finding *f, void *ctx)
{
    struct check *c = ctx;
    struct finding shown = *f;

    if (ignored(c, f->code))
        shown.level = FINDING_INFO;
    if (shown.level > c->worst)
        c->worst = shown.level;
    buf_addf(&c->summary, "%s%s", c->summary.len ? "; " : "", f->text);
    json_put_object(c->reply, NULL);
    inspect_write_finding(c->reply, &shown);
    json_put_end(c->reply);
}

static void put_note(struct check *c, const char *code, const char *text)
{
    struct finding_sink sink = { put_finding, c };

    finding_report(&sink, code, "%s", text);
}

/* member: "path" or "endpoint". */
static void begin_item(struct check *c, size_t target, const char *member, const char *where,
                       const char *entry)
{
    CLEANUP(buf_clear) struct buf all = { 0 };

    buf_add_str(&all, where);
    if (entry)
        buf_addf(&all, " (%s)", entry);
    json_put_object(c->reply, NULL);
    json_put_text(c->reply, "target", c->target[target].text);
    json_put_slice(c->reply, "where", buf_slice(&all));
    json_put_text(c->reply, member, where);
    if (entry)
        json_put_text(c->reply, "entry", entry);
}

static void begin_findings(struct check *c)
{
    c->worst = FINDING_INFO;
    buf_reset(&c->summary);
    json_put_array(c->reply, "findings");
}

static void end_item(struct check *c)
{
    static const char *const verdicts[] = { "good", "expiring", "fault" };

    json_put_end(c->reply);
    json_put_text(c->reply, "verdict", verdicts[c->worst]);
    json_put_slice(c->reply, "summary", buf_slice(&c->summary));
    json_put_end(c->reply);
    c->good += c->worst == FINDING_INFO;
    c->expiring += c->worst == FINDING_EXPIRING;
    c->faults += c->worst == FINDING_FAULT;
}

/* ---- certificates and keys in files ---- */

static void put_pair(struct check *c, const struct found_cert *cert)
{
    if (!cert->readable || cert->place)
        return;
    if (cert->key == FOUND_KEY_OTHER)
        put_note(c, "key-mismatch", "the key beside it is of another certificate");
    else if (cert->key == FOUND_KEY_NONE && !cert->view.ext.ca)
        put_note(c, "key-missing", "its key is not beside it");
}

/* What came with it: the other certificates of its file. */
static size_t companions(const struct check *c, size_t at, struct slice *list, size_t most)
{
    const struct found_cert *cert = &c->found.cert[at];
    size_t count = 0;

    for (size_t i = 0; i < c->found.cert_count && count < most; i++) {
        const struct found_cert *other = &c->found.cert[i];

        if (i != at && other->file == cert->file && other->readable && other->view.ext.ca)
            list[count++] = buf_slice(&other->der);
    }
    return count;
}

static int put_cert(struct check *c, size_t at, struct err *e)
{
    struct found_cert *cert = &c->found.cert[at];
    struct slice chain[32];
    struct inspect_input in = { .der = buf_slice(&cert->der),
                                .chain = chain,
                                .roots = c->root,
                                .root_count = c->root_count,
                                .now = c->now,
                                .within = c->within };

    in.chain_count = companions(c, at, chain, ARRAY_LEN(chain));
    begin_item(c, cert->target, "path", cert->path, cert->entry);
    if (cert->readable)
        inspect_write(c->reply, &cert->view, c->now);
    begin_findings(c);
    if (inspect_certificate(&in, put_finding, c, e))
        return -1;
    put_pair(c, cert);
    end_item(c);
    return 0;
}

static bool key_is_open(const struct found_key *k)
{
    return k->mode & (S_IRGRP | S_IWGRP | S_IRWXO);
}

static void put_key(struct check *c, const struct found_key *k)
{
    struct finding_sink sink = { put_finding, c };
    unsigned mode = (unsigned)k->mode & 07777;

    begin_item(c, k->target, "path", k->path, k->entry);
    json_put_text(c->reply, "subject", "private key");
    begin_findings(c);
    if (k->mode & (S_IWGRP | S_IRWXO))
        finding_report(&sink, "key-readable", "others can %s this key (mode %04o): chmod 0600",
                       k->mode & (S_IROTH | S_IXOTH) ? "read" : "replace", mode);
    else if (k->mode & S_IRGRP)
        finding_report(&sink, "key-group", "the file's group can read this key (mode %04o)", mode);
    if (k->spki.len)
        (void)inspect_key(buf_slice(&k->spki), &sink);
    end_item(c);
}

/* A key has a row of its own when it was named, when others can reach it, or when it is weak while
 * no certificate here says so. One file has one such row. */
static bool key_has_row(const struct check *c, size_t at)
{
    const struct found_key *k = &c->found.key[at];

    for (size_t i = 0; i < at; i++)
        if (c->found.key[i].file == k->file)
            return false;
    if (k->named) {
        for (size_t i = 0; i < c->found.cert_count; i++)
            if (c->found.cert[i].file == k->file)
                return key_is_open(k);
        return true;
    }
    return key_is_open(k);
}

static int put_files(struct check *c, size_t target, struct err *e)
{
    for (size_t i = 0; i < c->found.cert_count; i++)
        if (c->found.cert[i].target == target && !c->found.cert[i].repeated && put_cert(c, i, e))
            return -1;
    for (size_t i = 0; i < c->found.key_count; i++)
        if (c->found.key[i].target == target && key_has_row(c, i))
            put_key(c, &c->found.key[i]);
    for (size_t i = 0; i < c->found.note_count; i++) {
        const struct found_note *note = &c->found.note[i];

        if (note->target != target)
            continue;
        begin_item(c, target, "path", note->path, NULL);
        begin_findings(c);
        put_note(c, note->code, note->text);
        end_item(c);
    }
    return 0;
}

/* ---- endpoints ---- */

static void begin_endpoint(struct check *c, size_t target)
{
    begin_item(c, target, "endpoint", c->target[target].text, NULL);
}

static int put_shown(struct check *c, size_t target, const struct probe_result *r, size_t at,
                     struct err *e)
{
    struct slice chain[PROBE_MAX_CHAIN];
    struct x509_cert view;
    struct inspect_input in = { .der = buf_slice(&r->cert[at]),
                                .chain = chain,
                                .roots = c->root,
                                .root_count = c->root_count,
                                .name = at ? NULL : c->target[target].where.host,
                                .now = c->now,
                                .within = c->within };

    for (size_t i = 0; i < r->cert_count; i++)
        if (i != at)
            chain[in.chain_count++] = buf_slice(&r->cert[i]);
    begin_endpoint(c, target);
    if (x509_cert_read(&view, in.der, NULL) == 0)
        inspect_write(c->reply, &view, c->now);
    json_put_text(c->reply, "protocol", r->protocol);
    json_put_bool(c->reply, "asks_client_certificate", r->wants_client);
    begin_findings(c);
    if (at == 0 && strcmp(r->protocol, "TLSv1.3") != 0 && strcmp(r->protocol, "TLSv1.2") != 0)
        put_note(c, "tls-old", r->protocol);
    if (inspect_certificate(&in, put_finding, c, e))
        return -1;
    end_item(c);
    return 0;
}

static int put_endpoint(struct check *c, size_t target, struct err *e)
{
    CLEANUP(probe_result_clear) struct probe_result r = { 0 };
    struct err why = { 0 };

    if (probe_endpoint(&c->target[target].where, PROBE_MS, &r, &why)) {
        begin_endpoint(c, target);
        begin_findings(c);
        put_note(c, why.code == ERR_UNREACHABLE ? "unreachable" : "no-tls", err_text(&why));
        c->unreachable += why.code == ERR_UNREACHABLE && c->worst == FINDING_FAULT;
        end_item(c);
        return 0;
    }
    for (size_t i = 0; i < r.cert_count; i++)
        if (put_shown(c, target, &r, i, e))
            return -1;
    return 0;
}

/* ---- all together ---- */

static void collect(struct check *c)
{
    for (size_t i = 0; i < c->target_count; i++)
        if (!c->target[i].endpoint)
            find_in(&c->found, i, c->target[i].text);
    find_pairs(&c->found);
    c->root = xcalloc(c->found.cert_count + 1, sizeof *c->root);
    for (size_t i = 0; i < c->found.cert_count; i++) {
        const struct found_cert *cert = &c->found.cert[i];

        if (cert->readable && cert->view.ext.ca && !cert->repeated)
            c->root[c->root_count++] = buf_slice(&cert->der);
    }
}

static int put_items(struct check *c, struct err *e)
{
    json_put_array(c->reply, "items");
    for (size_t i = 0; i < c->target_count; i++)
        if (c->target[i].endpoint ? put_endpoint(c, i, e) : put_files(c, i, e))
            return -1;
    if (c->found.truncated) {
        begin_item(c, 0, "path", c->target[0].text, NULL);
        begin_findings(c);
        put_note(c, "truncated", "there is more than is looked at: name the folders one by one");
        end_item(c);
    }
    json_put_end(c->reply);
    return 0;
}

static int exit_code(const struct check *c)
{
    if (c->faults > c->unreachable)
        return EXIT_FAULT;
    if (c->unreachable)
        return EXIT_UNREACHABLE;
    return c->expiring ? EXIT_EXPIRING : 0;
}

int client_cert_check(struct client *client, const struct json_value *args,
                      struct json_writer *reply, struct client_result *result, struct err *e)
{
    struct check *c = xcalloc(1, sizeof *c);
    int rc;

    (void)client;
    c->reply = reply;
    rc = read_args(c, args, e);
    if (!rc) {
        collect(c);
        rc = put_items(c, e);
    }
    if (!rc) {
        json_put_int(reply, "good", c->good);
        json_put_int(reply, "expiring", c->expiring);
        json_put_int(reply, "faults", c->faults);
        result->exit = exit_code(c);
    }
    check_clear(c);
    free(c);
    return rc;
}
