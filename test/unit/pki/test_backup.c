#include "base/alloc.h"
#include "crypto/cms.h"
#include "forge.h"
#include "pki/authority.h"
#include "pki/backup.h"
#include "pki/pki_internal.h"
#include "pki/state_check.h"
#include "pki/tar.h"
#include "store/file.h"
#include "wire/json.h"
#include "world.h"
#include <fcntl.h>
#include <glob.h>

#define PHRASE "correct horse battery staple"

/* A world with a cluster, a passphrase and an empty place to restore to. */
struct scene {
    struct world w;
    struct cluster c;
    struct secret phrase;
    struct buf cms, manifest;
    char to[64];
};

static void scene_start(struct scene *s)
{
    struct backup_target target = { .passphrase = &s->phrase };
    struct err e = { 0 };

    *s = (struct scene){ 0 };
    world_start(&s->w);
    world_cluster(&s->w, WORLD_CLUSTER, &s->c);
    if (secret_copy(&s->phrase, slice_str(PHRASE), &e) ||
        backup_make(&s->w.request, &target, &s->cms, &s->manifest, &e))
        fail_msg("%s", e.msg);
    snprintf(s->to, sizeof s->to, "%.40s/elsewhere", s->w.dir);
}

static void scene_end(struct scene *s)
{
    cluster_clear(&s->c);
    secret_clear(&s->phrase);
    buf_clear(&s->cms);
    buf_clear(&s->manifest);
    world_end(&s->w);
}

static struct backup_source source_of(const struct scene *s)
{
    return (struct backup_source){ .cms = buf_slice(&s->cms), .passphrase = &s->phrase };
}

static int restore(const struct scene *s, bool replace, struct err *e)
{
    CLEANUP(buf_clear) struct buf manifest = { 0 };
    struct backup_source source = source_of(s);

    return backup_restore(s->to, replace, &source, &manifest, e);
}

static void count_fault(const struct state_fault *fault, void *ctx)
{
    (void)ctx;
    print_message("%s: %s: %s\n", fault->check, fault->subject, fault->text);
}

/* Opens what was restored: it is the installation, and good. */
static void check_restored(const struct scene *s, int acts)
{
    struct world there = { .pki = NULL };
    struct world_audit audit = { .action = "state.restore" };
    struct state_report report;
    struct err e = { 0 };

    snprintf(there.dir, sizeof there.dir, "%s", s->to);
    if (world_try(&there, WORLD_NOW, STATE_SHARED, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(pki_installation(there.pki), pki_installation(s->w.pki));
    if (state_check(&there.request, count_fault, NULL, &report, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(report.faults, 0);
    assert_int_equal(world_audited(&there, &audit), acts);
    world_stop(&there);
}

static bool there(const char *folder, const char *name)
{
    CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);

    return access(path, F_OK) == 0;
}

/* The copy that the manifest was read from. */
static int leftovers(const char *dir)
{
    CLEANUP(freep) char *pattern = xasprintf("%s/backup-*", dir);
    glob_t found = { .gl_pathc = 0 };
    int count;

    (void)glob(pattern, 0, NULL, &found);
    count = (int)found.gl_pathc;
    globfree(&found);
    return count;
}

/* ---- what is inside ---- */

static void test_manifest(void **state)
{
    CLEANUP(scene_end) struct scene s;
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf again = { 0 };
    struct backup_source source;
    const struct json_value *root, *first;
    struct err e = { 0 };

    (void)state;
    scene_start(&s);
    source = source_of(&s);
    if (json_parse(&doc, buf_slice(&s.manifest), NULL, &e) ||
        backup_read_manifest(&source, &again, &e))
        fail_msg("%s", e.msg);
    assert_true(slice_eq(buf_slice(&again), buf_slice(&s.manifest)));
    root = json_root(doc);
    first = json_path(root, "generations.0");
    assert_int_equal(json_int(json_get(root, "v"), 0), 1);
    assert_string_equal(json_text(json_get(root, "installation")), pki_installation(s.w.pki));
    assert_string_equal(json_text(json_get(root, "root_key_id")),
                        keeper_root_id(pki_keeper(s.w.pki)));
    assert_int_equal(json_int(json_get(root, "clusters"), 0), 1);
    assert_int_equal(json_len(json_get(root, "generations")), AUTHORITY_ROLES);
    assert_non_null(json_text(json_path(root, "audit_head.statement")));
    assert_string_equal(json_text(json_get(first, "cluster")), "demo");
    assert_string_equal(json_text(json_get(first, "custody")), "sealed");
    assert_int_equal(json_int(json_get(first, "number"), 0), 1);
    assert_int_equal(json_len(json_get(first, "skid")), 40);
    assert_int_equal(leftovers(s.w.dir), 0);
}

/* It is recorded, and the record is in the backup; nothing is left lying about. */
static void test_recorded(void **state)
{
    CLEANUP(scene_end) struct scene s;
    struct world_audit audit = { .action = "state.backup", .outcome = "granted" };
    struct err e = { 0 };
    struct world restored = { .pki = NULL };

    (void)state;
    scene_start(&s);
    assert_int_equal(world_audited(&s.w, &audit), 1);
    if (restore(&s, false, &e))
        fail_msg("%s", e.msg);
    snprintf(restored.dir, sizeof restored.dir, "%s", s.to);
    assert_int_equal(world_try(&restored, WORLD_NOW, STATE_SHARED, &e), 0);
    audit.count = 0;
    assert_int_equal(world_audited(&restored, &audit), 1);
    world_stop(&restored);
    assert_false(there(s.to, "restore"));
    check_restored(&s, 1);
}

static void test_to_a_certificate(void **state)
{
    CLEANUP(scene_end) struct scene s;
    CLEANUP(forged_clear) struct forged holder = { 0 };
    CLEANUP(forged_clear) struct forged other = { 0 };
    CLEANUP(buf_clear) struct buf cms = { 0 };
    CLEANUP(buf_clear) struct buf manifest = { 0 };
    CLEANUP(buf_clear) struct buf key = { 0 };
    CLEANUP(buf_clear) struct buf other_key = { 0 };
    struct backup_target target = { .passphrase = NULL };
    struct backup_source source;
    struct err e = { 0 };

    (void)state;
    scene_start(&s);
    forge(&holder, &(struct forge_spec){ "backup", .ku = KU_KEY_AGREEMENT });
    forge(&other, &(struct forge_spec){ "backup", .ku = KU_KEY_AGREEMENT });
    forge_key_pem(&key, &holder);
    forge_key_pem(&other_key, &other);
    target.recipient = buf_slice(&holder.cert);
    if (backup_make(&s.w.request, &target, &cms, &manifest, &e))
        fail_msg("%s", e.msg);
    source = (struct backup_source){ .cms = buf_slice(&cms),
                                     .recipient = buf_slice(&holder.cert),
                                     .recipient_key = buf_slice(&key) };
    buf_reset(&manifest);
    if (backup_restore(s.to, false, &source, &manifest, &e))
        fail_msg("%s", e.msg);
    check_restored(&s, 1);
    source.recipient = buf_slice(&other.cert);
    source.recipient_key = buf_slice(&other_key);
    assert_int_equal(backup_read_manifest(&source, &manifest, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
}

/* A killed backup's copy goes with the next one, a running one's stays. */
static void test_leftovers(void **state)
{
    CLEANUP(scene_end) struct scene s;
    CLEANUP(buf_clear) struct buf cms = { 0 };
    CLEANUP(buf_clear) struct buf manifest = { 0 };
    struct backup_target target = { .passphrase = NULL };
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    CLEANUP(freep) char *left = NULL;
    CLEANUP(freep) char *young = NULL;
    struct err e = { 0 };

    (void)state;
    scene_start(&s);
    left = xasprintf("%s/backup-a.db-wal", s.w.dir);
    young = xasprintf("%s/backup-b.db", s.w.dir);
    assert_int_equal(file_create(left, slice_str("x"), 0600, &e), 0);
    assert_int_equal(file_create(young, slice_str("x"), 0600, &e), 0);
    assert_int_equal(utimensat(AT_FDCWD, left, old, 0), 0);
    target.passphrase = &s.phrase;
    if (backup_make(&s.w.request, &target, &cms, &manifest, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(young, F_OK), 0);
}

/* ---- where it goes ---- */

static void test_not_over_another(void **state)
{
    CLEANUP(scene_end) struct scene s;
    CLEANUP(freep) char *key = NULL;
    struct err e = { 0 };

    (void)state;
    scene_start(&s);
    assert_int_equal(restore(&s, false, &e), 0);
    assert_int_equal(restore(&s, false, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    check_restored(&s, 1);

    /* the root key of a lost store is the last copy of it */
    snprintf(s.to, sizeof s.to, "%.40s/lost", s.w.dir);
    assert_int_equal(mkdir(s.to, 0700), 0);
    key = xasprintf("%s/root.key", s.to);
    assert_int_equal(file_create(key, slice_str("another"), 0600, &e), 0);
    assert_int_equal(restore(&s, false, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_int_equal(restore(&s, true, &e), 0);
    assert_true(there(s.to, "root.key.before-restore"));
    check_restored(&s, 1);
}

static void test_replace(void **state)
{
    CLEANUP(scene_end) struct scene s;
    struct world other = { .pki = NULL };
    char was[UID_TEXT];
    struct err e = { 0 };

    (void)state;
    scene_start(&s);
    snprintf(other.dir, sizeof other.dir, "%s", s.to);
    assert_int_equal(world_try(&other, WORLD_NOW, STATE_SHARED, &e), 0);
    assert_int_equal(world_write(&other, world_nothing, NULL, &e), 0);
    memcpy(was, pki_installation(other.pki), sizeof was);
    world_stop(&other);
    if (restore(&s, true, &e))
        fail_msg("%s", e.msg);
    check_restored(&s, 1);
    assert_true(there(s.to, "store.db.before-restore"));
    assert_true(there(s.to, "root.key.before-restore"));
    assert_int_equal(restore(&s, true, &e), -1); /* never over what was kept */
    assert_int_equal(e.code, ERR_CONFLICT);
    check_restored(&s, 1);
}

/* Cut short between any two renames, the same command completes it. */
static void test_cut_short(void **state)
{
    static const char *const moved[] = { "store.db", "store.db-wal", "root.key" };

    (void)state;
    for (size_t steps = 1; steps <= ARRAY_LEN(moved); steps++) {
        CLEANUP(scene_end) struct scene s;
        struct world other = { .pki = NULL };
        struct err e = { 0 };

        scene_start(&s);
        snprintf(other.dir, sizeof other.dir, "%s", s.to);
        assert_int_equal(world_try(&other, WORLD_NOW, STATE_SHARED, &e), 0);
        assert_int_equal(world_write(&other, world_nothing, NULL, &e), 0);
        world_stop(&other);
        for (size_t i = 0; i < steps; i++) {
            const char *wal = strcmp(moved[i], "store.db-wal") == 0 ? "-wal" : NULL;
            CLEANUP(freep) char *from = xasprintf("%s/%s", s.to, moved[i]);
            CLEANUP(freep)
            char *to = xasprintf("%s/%s.before-restore%s", s.to, wal ? "store.db" : moved[i],
                                 wal ? wal : "");

            (void)!rename(from, to);
        }
        if (restore(&s, true, &e))
            fail_msg("after %zu steps: %s", steps, e.msg);
        check_restored(&s, 1);
        assert_true(there(s.to, "store.db.before-restore"));
        assert_true(there(s.to, "root.key.before-restore"));
    }
}

/* ---- what is no backup, or not this one's ---- */

static void seal(struct scene *s, struct buf *tar)
{
    struct err e = { 0 };

    tar_end(tar);
    buf_reset(&s->cms);
    if (cms_encrypt(&s->cms, buf_slice(tar), &s->phrase, slice_of(NULL, 0), &e))
        fail_msg("%s", e.msg);
}

static void test_refused(void **state)
{
    CLEANUP(scene_end) struct scene s;
    CLEANUP(secret_clear) struct secret tar = { 0 };
    struct slice manifest = { 0 }, store = { 0 }, key = { 0 }, none = { NULL, 0 };
    struct err e = { 0 };

    (void)state;
    scene_start(&s);
    if (cms_decrypt(&tar, buf_slice(&s.cms), &s.phrase, none, none, &e) ||
        tar_find(secret_slice(&tar), BACKUP_MANIFEST, &manifest, &e) ||
        tar_find(secret_slice(&tar), BACKUP_STORE, &store, &e) ||
        tar_find(secret_slice(&tar), BACKUP_ROOT_KEY, &key, &e))
        fail_msg("%s", e.msg);
    const struct {
        const char *label;
        struct slice manifest, store, key;
        enum err_code want;
    } cases[] = {
        { "no manifest", none, store, key, ERR_INVALID },
        { "no store", manifest, none, key, ERR_INVALID },
        { "no root key", manifest, store, none, ERR_INVALID },
        { "a newer manifest", slice_str("{\"v\":2}"), store, key, ERR_INVALID },
        { "a manifest of none", slice_str("[]"), store, key, ERR_INVALID },
        { "of another", slice_str("{\"v\":1,\"installation\":\"x\"}"), store, key, ERR_CORRUPT },
        { "no store at all", manifest, slice_str("text"), key, ERR_CORRUPT },
        { "half a store", manifest, slice_of(store.ptr, store.len / 2), key, ERR_CORRUPT },
        { "another root key", manifest, store, slice_str("poterne-root-key v1\n"), ERR_CORRUPT },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf made = { 0 };
        struct err why = { 0 };

        if (cases[i].manifest.len)
            tar_add(&made, BACKUP_MANIFEST, cases[i].manifest, 1);
        if (cases[i].store.len)
            tar_add(&made, BACKUP_STORE, cases[i].store, 1);
        if (cases[i].key.len)
            tar_add(&made, BACKUP_ROOT_KEY, cases[i].key, 1);
        seal(&s, &made);
        if (restore(&s, false, &why) != -1 || why.code != cases[i].want)
            fail_msg("%s: %s", cases[i].label, err_text(&why));
        if (there(s.to, "store.db") || there(s.to, "root.key") || there(s.to, "restore"))
            fail_msg("%s: left something", cases[i].label);
    }
}

static void test_wrong_passphrase(void **state)
{
    CLEANUP(scene_end) struct scene s;
    struct err e = { 0 };

    (void)state;
    scene_start(&s);
    s.phrase.ptr[0] ^= 1;
    assert_int_equal(restore(&s, false, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    s.phrase.ptr[0] ^= 1;
    s.cms.ptr[s.cms.len / 2] ^= 1;
    e = (struct err){ 0 };
    assert_int_equal(restore(&s, false, &e), -1);
    assert_int_equal(e.code, ERR_CORRUPT);
    assert_false(there(s.to, "store.db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leftovers),        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_recorded),         cmocka_unit_test(test_to_a_certificate),
        cmocka_unit_test(test_not_over_another), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_cut_short),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_wrong_passphrase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
