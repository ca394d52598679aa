#include "keeper/fence.h"
#include "pki/cluster_spec.h"
#include "pki/profile.h"
#include <assert.h>

/*
 * A description of a cluster as a client sends it. Whatever is taken is stored and read back
 * unchanged, gives fences that the keeper reads, and names and SANs for each machine that a
 * certificate can hold.
 */
static void check_stored(const struct cluster *c)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf again = { 0 };
    CLEANUP(buf_clear) struct buf diff = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(cluster_clear) struct cluster read = { 0 };
    struct json_writer w;

    json_writer_init(&w, &body, false);
    cluster_write_body(&w, c);
    assert(json_parse(&doc, buf_slice(&body), NULL, NULL) == 0);
    assert(cluster_read_body(&read, json_root(doc), NULL) == 0);
    json_writer_init(&w, &again, false);
    read.machine_count =
        c->machine_count; /* machines are records of their own: the body counts them */
    cluster_write_body(&w, &read);
    read.machine_count = 0;
    assert(slice_eq(buf_slice(&body), buf_slice(&again)));
    cluster_diff(&diff, c, c);
    assert(diff.len == 0);
}

static void check_machine(const struct cluster *c, const struct machine *m)
{
    static struct san_set sans;
    struct profile_holder machine = { .name = m->name };

    for (size_t i = 0; i < profile_count; i++) {
        CLEANUP(buf_clear) struct buf subject = { 0 };
        struct err e = { 0 };

        assert(profile_sans(&sans, &profiles[i], c, m, &e) == 0 || e.code == ERR_LIMIT);
        assert(profile_subject(&subject, &profiles[i], c, &machine, &e) == 0 ||
               e.code == ERR_INVALID);
    }
    san_set_clear(&sans);
}

static void check_fences(const struct cluster *c)
{
    for (unsigned roles = 1; roles < 1U << AUTHORITY_ROLES; roles++) {
        CLEANUP(buf_clear) struct buf json = { 0 };
        CLEANUP(fence_freep) struct fence *fence = NULL;

        assert(profile_fence(&json, c, roles, NULL) == 0);
        assert(fence_read(&fence, buf_slice(&json), NULL) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    struct err e = { 0 };

    if (json_parse(&doc, slice_of(data, len), NULL, NULL))
        return 0;
    if (cluster_parse(&c, json_root(doc), &warnings, &e)) {
        assert(e.code == ERR_INVALID || e.code == ERR_LIMIT || e.code == ERR_REFUSED);
        assert(e.msg[0]);
        return 0;
    }
    memcpy(c.uid, "00000000000000000000000001", sizeof c.uid);
    check_stored(&c);
    check_fences(&c);
    for (size_t i = 0; i < c.machine_count && i < 4; i++)
        check_machine(&c, &c.machine[i]);
    return 0;
}
