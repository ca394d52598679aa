#include "pki/state_check_internal.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "pki/authority_record.h"
#include "pki/installation_internal.h"
#include "pki/pki_internal.h"
#include "pki/record_body.h"
#include <stdarg.h>

const char *const state_cluster_kinds[] = {
    KIND_MACHINE,     KIND_AUTHORITY,           KIND_CA, KIND_GENERATION,
    KIND_CERTIFICATE, KIND_SERVICE_ACCOUNT_KEY, NULL
};

/* A CA that certificates of the cluster name as their issuer. */
struct issuer_cert {
    char skid[41];
    struct buf der;
    struct x509_cert view;
    struct key *key;
};
struct looking {
    struct state_checking *c;
    struct cluster cluster;
    struct json *body; /* of the cluster's record; NULL for the installation's own */
    char scope[64];
    char subject[256]; /* of the fault under way */
    struct issuer_cert *issuer;
    size_t issuer_count;
    struct uid_list {
        char (*uid)[UID_TEXT];
        size_t count;
    } cas, generations;                         /* those that are there ... */
    struct uid_list used_cas, used_generations; /* ... and those that something names */
    struct uid_list issuing;                    /* generations that say that they issue */
    struct unchained unchained;
    bool sa_key; /* there is one */
};

static void looking_clear(struct looking *l)
{
    json_free(l->body);
    for (size_t i = 0; i < l->issuer_count; i++) {
        buf_clear(&l->issuer[i].der);
        key_free(l->issuer[i].key);
    }
    free(l->issuer);
    free(l->cas.uid);
    free(l->generations.uid);
    free(l->used_cas.uid);
    free(l->used_generations.uid);
    free(l->issuing.uid);
    free(l->unchained.group);
    cluster_clear(&l->cluster);
}

static void uid_add(struct uid_list *list, const char *uid)
{
    list->uid = xrealloc_array(list->uid, list->count + 1, sizeof *list->uid);
    (void)snprintf(list->uid[list->count++], UID_TEXT, "%s", uid);
}

static bool uid_in(const struct uid_list *list, const char *uid)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->uid[i], uid) == 0)
            return true;
    return false;
}

static void say(struct looking *l, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct looking *l, const char *format, ...)
{
    va_list ap;
    int n = l->cluster.installation
                ? snprintf(l->subject, sizeof l->subject, "installation, ")
                : snprintf(l->subject, sizeof l->subject, "cluster %s, ", l->cluster.name);

    va_start(ap, format);
    (void)vsnprintf(l->subject + n, sizeof l->subject - (size_t)n, format, ap);
    va_end(ap);
}

#define FAULT(l, check, ...) state_fault_add((l)->c, check, (l)->subject, __VA_ARGS__)

/* ---- look-up keys beside a record: what they say must be its content ---- */

static bool is_superseded(const struct record *r)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    return record_json(&doc, r, NULL) == 0 &&
           slice_eq_str(json_slice(json_get(json_root(doc), "status")), "superseded");
}

static void check_columns(struct looking *l, const struct record *r, const struct x509_cert *cert,
                          const char *skid)
{
    bool superseded = is_superseded(r);
    CLEANUP(buf_clear) struct buf hex = { 0 };
    CLEANUP(buf_clear) struct buf place = { 0 };
    uint8_t digest[32];

    x509_fingerprint(digest, cert->der);
    hex_encode(&hex, slice_of(digest, sizeof digest));
    x509_serial_hex(&place, cert->serial);
    buf_addf(&place, "/%s", skid);
    if (!r->fingerprint || strcmp(r->fingerprint, buf_str(&hex)) != 0)
        FAULT(l, "store", "its fingerprint is not the certificate's");
    if (!r->issuer_serial || strcmp(r->issuer_serial, buf_str(&place)) != 0)
        FAULT(l, "store", "its serial number is not the certificate's");
    if (r->expires != (superseded ? 0 : cert->not_after))
        FAULT(l, "store", "its end is not the certificate's");
}

/* ---- authorities ---- */

static bool signed_by(const struct x509_cert *cert, const struct key *key)
{
    return key_verify(key, cert->sig_alg, cert->sig_params, cert->tbs, cert->sig, NULL) == 0;
}

static void add_issuer(struct looking *l, const char *skid, struct slice der)
{
    struct issuer_cert *i;

    l->issuer = xrealloc_array(l->issuer, l->issuer_count + 1, sizeof *l->issuer);
    i = &l->issuer[l->issuer_count];
    *i = (struct issuer_cert){ .key = NULL };
    (void)snprintf(i->skid, sizeof i->skid, "%s", skid);
    buf_add_slice(&i->der, der);
    if (x509_cert_read(&i->view, buf_slice(&i->der), NULL) ||
        key_read_public(&i->key, i->view.spki, NULL)) {
        buf_clear(&i->der);
        return;
    }
    l->issuer_count++;
}

/* Whether the value opens by itself, so that the fault is in what it is beside. */
static bool value_opens(struct looking *l, const struct seal_place *place, struct slice sealed)
{
    CLEANUP(data_key_clear) struct data_key to = { .purpose = place->dk->purpose };
    CLEANUP(buf_clear) struct buf resealed = { 0 };
    struct keeper *keeper = l->c->pki->keeper;

    memcpy(to.subject, place->dk->subject, sizeof to.subject);
    return keeper_data_key_new(keeper, &to, place->dk->generation + 1, NULL) == 0 &&
           keeper_reseal(keeper, place, &to, sealed, &resealed, NULL) == 0;
}

static void check_sealed(struct looking *l, const struct generation *g)
{
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    struct seal_place place = { &dk, { KIND_GENERATION, g->uid, "key" } };
    struct slice sealed = buf_slice(&g->sealed);
    struct err e = { 0 };

    if (g->custody != CUSTODY_SEALED)
        return;
    l->c->report.sealed++;
    if (pki_data_key_load(l->c->tx, DATA_KEY_AUTHORITY, g->uid, &dk, &e))
        FAULT(l, "sealed", "its data key is not there: %s", err_text(&e));
    else if (keeper_signer_open(&signer, l->c->pki->keeper, &place, sealed, buf_slice(&g->cert),
                                &e))
        FAULT(l, value_opens(l, &place, sealed) ? "key" : "sealed", "%s", err_text(&e));
}

static int check_generation(const struct record *r, void *ctx, struct err *e)
{
    struct looking *l = ctx;
    CLEANUP(generation_clear) struct generation g = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct err why = { 0 };

    (void)e;
    l->c->of_clusters++;
    l->c->report.certificates++;
    uid_add(&l->generations, r->uid);
    say(l, "generation %s", r->name);
    if (generation_of_record(&g, r, &why)) {
        FAULT(l, "store", "%s", err_text(&why));
        return 0;
    }
    if (g.state == GENERATION_ISSUING)
        uid_add(&l->issuing, r->uid);
    check_columns(l, r, &g.view, g.skid);
    check_sealed(l, &g);
    add_issuer(l, g.skid, buf_slice(&g.cert));
    if (slice_eq(g.view.issuer, g.view.subject) && g.view.sig_alg != SIG_SHA1 &&
        (key_read_public(&key, g.view.spki, NULL) || !signed_by(&g.view, key)))
        FAULT(l, "chain", "its own signature does not verify");
    return 0;
}

/* Signing goes by the CA's record, bundles and lists by the generations': they must agree. */
static void check_issuing(struct looking *l, const struct json_value *list, const char *issuing)
{
    size_t count = 0;

    for (size_t i = 0; i < json_len(list); i++) {
        const char *uid = json_text(json_at(list, i));
        bool is = uid && uid_in(&l->issuing, uid);

        count += is;
        if (is && (!issuing || strcmp(uid, issuing) != 0))
            FAULT(l, "record",
                  "its generation %s is in state issuing, but it does not issue from it", uid);
    }
    if (count > 1)
        FAULT(l, "record", "%zu of its generations are in state issuing", count);
    if (issuing && uid_in(&l->generations, issuing) && !uid_in(&l->issuing, issuing))
        FAULT(l, "record", "it issues from generation %s, which is not in state issuing", issuing);
}

static int check_ca(const struct record *r, void *ctx, struct err *e)
{
    struct looking *l = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *list;
    const char *issuing;
    bool found = false;
    struct err why = { 0 };

    (void)e;
    l->c->of_clusters++;
    uid_add(&l->cas, r->uid);
    say(l, "CA %s", r->name);
    if (record_json(&doc, r, &why)) {
        FAULT(l, "store", "%s", err_text(&why));
        return 0;
    }
    list = json_get(json_root(doc), "generations");
    issuing = json_text(json_get(json_root(doc), "issuing"));
    for (size_t i = 0; i < json_len(list); i++) {
        const char *uid = json_text(json_at(list, i));

        uid_add(&l->used_generations, uid ? uid : "");
        found = found || (issuing && uid && strcmp(uid, issuing) == 0);
        if (!uid || !uid_in(&l->generations, uid))
            FAULT(l, "orphan", "its generation %s is not there", uid ? uid : "?");
    }
    if (json_len(list) == 0)
        FAULT(l, "store", "it has no generation");
    else if (issuing && !found)
        FAULT(l, "store", "the generation that issues is none of its own");
    check_issuing(l, list, issuing);
    return 0;
}

static int check_role(const struct record *r, void *ctx, struct err *e)
{
    struct looking *l = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *ca;
    struct err why = { 0 };

    (void)e;
    l->c->of_clusters++;
    say(l, "authority %s", r->name);
    if (record_json(&doc, r, &why) || json_want_text(json_root(doc), "ca", &ca, &why)) {
        FAULT(l, "store", "%s", err_text(&why));
        return 0;
    }
    uid_add(&l->used_cas, ca);
    if (!uid_in(&l->cas, ca))
        FAULT(l, "orphan", "its CA %s is not there", ca);
    return 0;
}

/* An adopted cluster may lack some: its folder held none for them. */
static void check_roles_there(struct looking *l)
{
    int first = l->cluster.installation ? AUTHORITY_ROLES : 0;
    int end = l->cluster.installation ? AUTHORITY_ALL : AUTHORITY_ROLES;

    for (int role = first; !l->cluster.adopted[0] && role < end; role++) {
        CLEANUP(record_clear) struct record r = { 0 };
        const char *name = authority_role_name((enum authority_role)role);

        say(l, "authority %s", name);
        if (store_find(l->c->tx, KIND_AUTHORITY, l->scope, name, &r, NULL))
            FAULT(l, "orphan", "the %s has no such authority",
                  l->cluster.installation ? "installation" : "cluster");
    }
}

static void check_used(struct looking *l)
{
    for (size_t i = 0; i < l->generations.count; i++) {
        say(l, "generation %s", l->generations.uid[i]);
        if (!uid_in(&l->used_generations, l->generations.uid[i]))
            FAULT(l, "orphan", "no CA has it");
    }
    for (size_t i = 0; i < l->cas.count; i++) {
        say(l, "CA %s", l->cas.uid[i]);
        if (!uid_in(&l->used_cas, l->cas.uid[i]))
            FAULT(l, "orphan", "no authority has it");
    }
}

/* ---- certificates ---- */

/* The issuer's key id stands behind the serial number in the look-up key. */
static void issuer_of(const struct record *r, char skid[41])
{
    const char *slash = r->issuer_serial ? strchr(r->issuer_serial, '/') : NULL;

    (void)snprintf(skid, 41, "%s", slash ? slash + 1 : "");
}

static void check_chain(struct looking *l, const struct x509_cert *cert, const char *skid)
{
    bool named = false;

    for (size_t i = 0; i < l->issuer_count; i++) {
        const struct issuer_cert *issuer = &l->issuer[i];

        if (strcmp(issuer->skid, skid) != 0)
            continue;
        named = true;
        if (slice_eq(cert->issuer, issuer->view.subject) && signed_by(cert, issuer->key))
            return;
    }
    unchained_add(&l->unchained, skid, named, l->subject);
}

static int read_der(const struct json *doc, struct buf *der, struct x509_cert *cert, struct err *e)
{
    if (body_base64(json_root(doc), "der", der, e))
        return -1;
    return x509_cert_read(cert, buf_slice(der), e);
}

/* CAs that were found beside the five, such as that of k3s's etcd peers: issuers of leaves too. */
static int find_watched(const struct record *r, void *ctx, struct err *e)
{
    struct looking *l = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct x509_cert cert;
    char skid[41];

    (void)e;
    issuer_of(r, skid);
    if (record_json(&doc, r, NULL) == 0 && read_der(doc, &der, &cert, NULL) == 0 && cert.ext.ca)
        add_issuer(l, skid, buf_slice(&der));
    return 0;
}

/* The machine that it was made for; an adopted one's may have been left out. */
static void check_machine(struct looking *l, const struct json_value *body)
{
    const char *machine = json_text(json_get(body, "machine"));

    if (machine && !l->cluster.adopted[0] && l->cluster.machine &&
        !cluster_machine(&l->cluster, machine) && !cluster_has_removed(json_root(l->body), machine))
        FAULT(l, "orphan", "its machine %s is not there", machine);
}

static int check_certificate(const struct record *r, void *ctx, struct err *e)
{
    struct looking *l = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *differs;
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct x509_cert cert;
    struct err why = { 0 };
    char skid[41];

    (void)e;
    l->c->of_clusters++;
    l->c->report.certificates++;
    say(l, "certificate %s", r->name);
    if (record_json(&doc, r, &why) || read_der(doc, &der, &cert, &why)) {
        FAULT(l, "store", "%s", err_text(&why));
        return 0;
    }
    issuer_of(r, skid);
    check_columns(l, r, &cert, skid);
    differs = state_check_body(r, json_root(doc), &cert);
    if (differs)
        FAULT(l, "record", "its '%s' is not the certificate's", differs);
    check_machine(l, json_root(doc));
    check_chain(l, &cert, skid);
    return 0;
}

/* ---- machines, service accounts, the cluster itself ---- */

static int count_one(const struct record *r, void *ctx, struct err *e)
{
    struct looking *l = ctx;

    (void)r;
    (void)e; /* cluster_load has read them all */
    l->c->of_clusters++;
    return 0;
}

static int check_sa_key(const struct record *r, void *ctx, struct err *e)
{
    struct looking *l = ctx;

    (void)e;
    l->c->of_clusters++;
    l->sa_key = true;
    say(l, "service-account key %s", r->name);
    state_check_key(l->c, r, l->subject);
    return 0;
}

/* An adopted cluster may lack it, too. */
static void check_sa_key_there(struct looking *l)
{
    say(l, "service-account key");
    if (!l->cluster.installation && !l->cluster.adopted[0] && !l->sa_key)
        FAULT(l, "orphan", "the cluster has no service-account key: its record is missing");
}

/* A machine between others leaves a place empty, which cluster_load sees; the last ones do not. */
static void check_machines_there(struct looking *l)
{
    const struct json_value *body = json_root(l->body);
    int64_t want = json_int(json_get(body, "machines"), 0);
    int64_t have = (int64_t)(l->cluster.machine_count + json_len(json_get(body, "removed")));

    say(l, "machines");
    if (have < want)
        FAULT(l, "orphan", "%lld of its %lld machines are missing", (long long)(want - have),
              (long long)want);
}

/* In the order in which one is needed for the next. */
static int check_inside(struct looking *l, struct err *e)
{
    const struct {
        const char *kind;
        store_visit *visit;
    } steps[] = {
        { KIND_MACHINE, count_one },
        { KIND_GENERATION, check_generation },
        { KIND_CA, check_ca },
        { KIND_AUTHORITY, check_role },
        { KIND_SERVICE_ACCOUNT_KEY, check_sa_key },
        { KIND_CERTIFICATE, l->cluster.adopted[0] ? find_watched : NULL },
        { KIND_CERTIFICATE, check_certificate },
    };

    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (steps[i].visit && state_each(l->c, steps[i].kind, l->scope, steps[i].visit, l, e))
            return -1;
    check_used(l);
    check_roles_there(l);
    check_sa_key_there(l);
    unchained_say(&l->unchained, l->c);
    return 0;
}

int state_check_cluster(struct state_checking *c, const struct record *cluster, struct err *e)
{
    CLEANUP(looking_clear) struct looking l = { .c = c };
    struct err why = { 0 };

    if (record_json(&l.body, cluster, NULL))
        l.body = NULL; /* cluster_load says why */
    if (cluster_load(c->tx, cluster->name, &l.cluster, &why)) {
        (void)snprintf(l.cluster.name, sizeof l.cluster.name, "%s", cluster->name);
        memcpy(l.cluster.uid, cluster->uid, sizeof l.cluster.uid);
        say(&l, "its description");
        FAULT(&l, "store", "%s", err_text(&why));
    } else {
        check_machines_there(&l);
    }
    cluster_scope(&l.cluster, l.scope);
    return check_inside(&l, e);
}

int state_check_installation(struct state_checking *c, struct err *e)
{
    CLEANUP(looking_clear) struct looking l = { .c = c };
    int64_t count;

    if (store_count(c->tx, KIND_GENERATION, "/", &count, e))
        return -1;
    if (count == 0) /* not needed yet */
        return 0;
    installation_domain(&l.cluster, c->pki);
    cluster_scope(&l.cluster, l.scope);
    return check_inside(&l, e);
}
