#include "pki/state_check_internal.h"

#include "base/alloc.h"
#include "pki/inspect.h"

/*
 * What a certificate's record says in clear, which lists and policies read, must be what the
 * certificate says. The members are made anew, by the writer that made them, and compared.
 */

static bool same(const struct json_value *a, const struct json_value *b)
{
    CLEANUP(buf_clear) struct buf left = { 0 };
    CLEANUP(buf_clear) struct buf right = { 0 };
    struct json_writer w;

    if (!a || !b)
        return !a && !b;
    json_writer_init(&w, &left, false);
    json_put_value(&w, NULL, a);
    json_writer_init(&w, &right, false);
    json_put_value(&w, NULL, b);
    return slice_eq(buf_slice(&left), buf_slice(&right));
}

/* Key id of the issuer and serial number; of two that an issuer numbered alike the second has its
 * fingerprint there. */
static bool named_well(const struct record *r, const struct x509_cert *cert, bool adopted)
{
    CLEANUP(buf_clear) struct buf serial = { 0 };
    const char *slash = strchr(r->name, '/');

    x509_serial_hex(&serial, cert->serial);
    if (slash && strcmp(slash + 1, buf_str(&serial)) == 0)
        return true;
    return adopted && slash && r->fingerprint && strncmp(slash + 1, r->fingerprint, 32) == 0;
}

const char *state_check_body(const struct record *r, const struct json_value *body,
                             const struct x509_cert *cert)
{
    static const char *const members[] = { "subject",   "sans", "not_before",
                                           "not_after", "user", "groups" };
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;

    if (!named_well(r, cert, slice_eq_str(json_slice(json_get(body, "profile")), "adopted")))
        return "serial";
    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    inspect_write_names(&w, cert);
    json_put_time(&w, "not_before", cert->not_before);
    json_put_time(&w, "not_after", cert->not_after);
    if (slice_eq_str(json_slice(json_get(body, "authority")), "operators"))
        inspect_write_person(&w, cert);
    json_put_end(&w);
    if (json_parse(&doc, buf_slice(&text), NULL, NULL))
        return NULL; /* the certificate has what no JSON holds */
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!same(json_get(body, members[i]), json_get(json_root(doc), members[i])))
            return members[i];
    return NULL;
}

/* ---- certificates that their authority did not sign ---- */

void unchained_add(struct unchained *u, const char *skid, bool named, const char *subject)
{
    struct unchained_group *group;

    for (size_t i = 0; i < u->count; i++) {
        if (u->group[i].named == named && strcmp(u->group[i].skid, skid) == 0) {
            u->group[i].more++;
            return;
        }
    }
    u->group = xrealloc_array(u->group, u->count + 1, sizeof *u->group);
    group = &u->group[u->count++];
    *group = (struct unchained_group){ .named = named };
    (void)snprintf(group->skid, sizeof group->skid, "%s", skid);
    (void)snprintf(group->subject, sizeof group->subject, "%s", subject);
}

void unchained_say(const struct unchained *u, struct state_checking *c)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct unchained_group *group = &u->group[i];
        char more[48] = "";

        if (group->more)
            (void)snprintf(more, sizeof more, " (and %lld more)", (long long)group->more);
        state_fault_add(c, group->named ? "chain" : "orphan", group->subject, "%s%s",
                        group->named ? "its authority's key did not sign it"
                                     : "its authority is not there",
                        more);
    }
}
