#include "pki/adopt_internal.h"

#include "pki/authority.h"

/* ---- the reply ---- */

static void put_finding(struct json_writer *w, const struct adopt_note *note, bool path)
{
    struct finding finding = { .level = note->level, .code = note->code, .text = note->text };

    json_put_object(w, NULL);
    if (path)
        json_put_text(w, "path", note->path);
    inspect_write_finding(w, &finding);
    json_put_end(w);
}

/* What was said about one file. */
static void put_findings(struct json_writer *w, const struct adoption *a, const char *path)
{
    json_put_array(w, "findings");
    for (size_t i = 0; i < a->note_count; i++)
        if (path == a->note[i].path)
            put_finding(w, &a->note[i], false);
    json_put_end(w);
}

/* All of it: also about files that held nothing of use, and about the cluster itself. */
static void put_all_findings(struct json_writer *w, const struct adoption *a)
{
    json_put_array(w, "findings");
    for (size_t i = 0; i < a->note_count; i++)
        put_finding(w, &a->note[i], true);
    json_put_end(w);
}

static void put_ca(struct json_writer *w, const struct adoption *a, const struct adopt_ca *ca,
                   const char *role)
{
    json_put_object(w, NULL);
    json_put_text(w, "name", role);
    json_put_text(w, "path", ca->path);
    json_put_text(w, "custody", custody_name(ca->sealed ? CUSTODY_SEALED : CUSTODY_ELSEWHERE));
    inspect_write_name(w, "subject", ca->view.subject);
    json_put_time(w, "not_after", ca->view.not_after);
    put_findings(w, a, ca->path);
    json_put_end(w);
}

static void put_authorities(struct json_writer *w, const struct adoption *a)
{
    json_put_array(w, "authorities");
    for (int role = 0; role < AUTHORITY_ROLES; role++)
        for (size_t i = 0; i < a->ca_count; i++)
            if (a->ca[i].roles & 1U << role)
                put_ca(w, a, &a->ca[i], authority_role_name((enum authority_role)role));
    json_put_end(w);
    json_put_array(w, "watched");
    for (size_t i = 0; i < a->ca_count; i++)
        if (a->ca[i].row->what == ADOPT_WATCHED)
            put_ca(w, a, &a->ca[i], NULL);
    json_put_end(w);
}

static void put_leaves(struct json_writer *w, const struct adoption *a)
{
    json_put_array(w, "items");
    for (size_t i = 0; i < a->leaf_count; i++) {
        const struct adopt_leaf *leaf = &a->leaf[i];

        json_put_object(w, NULL);
        json_put_text(w, "path", leaf->path);
        if (leaf->entry)
            json_put_text(w, "entry", leaf->entry);
        json_put_text(w, "authority",
                      leaf->issuer ? authority_role_name(adopt_role_of(leaf)) : NULL);
        (void)inspect_write(w, &leaf->view, a->now);
        put_findings(w, a, leaf->path);
        json_put_end(w);
    }
    json_put_end(w);
}

/* "sealed", "elsewhere", or null when not even the public key was found. */
static const char *sa_custody(const struct adoption *a)
{
    if (!a->sa_count)
        return NULL;
    return custody_name(a->sa[0].sealed ? CUSTODY_SEALED : CUSTODY_ELSEWHERE);
}

static void put_reply(struct json_writer *w, const struct adoption *a)
{
    cluster_write_json(w, &a->spec);
    put_authorities(w, a);
    json_put_text(w, "service_account_key", sa_custody(a));
    put_leaves(w, a);
    put_all_findings(w, a);
}

static int record(struct pki_write *w, void *ctx, struct err *e)
{
    return adopt_record(w, ctx, e);
}

int cluster_adopt(struct request *request, const struct adopt_request *what, bool *made,
                  struct json_writer *reply, struct err *e)
{
    CLEANUP(adoption_clear) struct adoption a = { .what = what, .now = pki_now(request->pki) };

    if (adopt_read(&a, e) || adopt_derive(&a, e) || pki_write(request, record, &a, e))
        return -1;
    put_reply(reply, &a);
    *made = a.changed;
    return 0;
}
