#include "expect.h"
#include "world.h"

/* One machine from its invitation on, with nothing that runs: files, certificates, the record. */

static void path_of(char out[256], const struct aworld *w, const char *name)
{
    snprintf(out, 256, "%s/%s", w->root, name);
}

static bool there(const struct aworld *w, const char *name)
{
    char path[256];

    path_of(path, w, name);
    return access(path, F_OK) == 0;
}

static void read_file(const struct aworld *w, const char *name, struct buf *out)
{
    char path[256];

    path_of(path, w, name);
    read_bytes(out, path);
}

static void round_ok(struct aworld *w)
{
    struct err e = { 0 };

    if (aworld_round(w, &e))
        fail_msg("%s", e.msg);
}

static void join_ok(struct aworld *w, const char *machine, const char *role, const char *layout)
{
    CLEANUP(freep) char *token = aworld_invite(w, machine, role);
    struct err e = { 0 };

    if (aworld_join(w, token, layout, &e))
        fail_msg("%s", e.msg);
    aworld_agent(w);
}

/* The pair of one leaf, as its own reader would see it. */
static void check_pair(const struct aworld *w, const char *name)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct x509_cert cert;
    char path[128];

    snprintf(path, sizeof path, "%s.crt", name);
    read_file(w, path, &pem);
    assert_int_equal(pem_or_der(&der, buf_slice(&pem), "CERTIFICATE", NULL), 0);
    assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), 0);
    snprintf(path, sizeof path, "%s.key", name);
    read_file(w, path, &pem);
    assert_int_equal(key_read_private(&key, buf_slice(&pem), NULL), 0);
    if (!slice_eq(key_spki(key), cert.spki))
        fail_msg("%s: the pair does not fit", name);
}

static const char *const control_plane_pairs[] = {
    "pki/apiserver",
    "pki/apiserver-kubelet-client",
    "pki/apiserver-etcd-client",
    "pki/etcd/server",
    "pki/etcd/peer",
    "pki/front-proxy-client",
    "pki/scheduler",
    "pki/controller-manager",
    "pki/kubelet-serving",
};

static void test_control_plane(void **state)
{
    static const char *const files[] = { "pki/ca.crt", "pki/client-ca-bundle.crt",
                                         "pki/sa.pub", "pki/sa.key",
                                         "admin.conf", "kubelet.conf" };
    CLEANUP(buf_clear) struct buf first = { 0 };
    CLEANUP(buf_clear) struct buf again = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct aworld w;
    unsigned calls;

    (void)state;
    aworld_start(&w, "");
    join_ok(&w, "cp1", "control-plane", "systemd");
    round_ok(&w);
    for (size_t i = 0; i < ARRAY_LEN(control_plane_pairs); i++)
        check_pair(&w, control_plane_pairs[i]);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (!there(&w, files[i]))
            fail_msg("%s is missing", files[i]);
    assert_false(there(&w, "systemd"));
    assert_false(there(&w, "kubelet.yaml"));

    read_file(&w, "pki/apiserver.crt", &first);
    calls = w.calls;
    round_ok(&w); /* nothing to do, nothing to say: one question */
    read_file(&w, "pki/apiserver.crt", &again);
    assert_true(slice_eq(buf_slice(&first), buf_slice(&again)));
    assert_int_equal(w.calls, calls + 1);

    aworld_do(&w, HTTP_POST, "/v1/clusters/demo/nodes/cp1/renewal", NULL);
    round_ok(&w);
    read_file(&w, "pki/apiserver.crt", &again);
    assert_false(slice_eq(buf_slice(&first), buf_slice(&again)));
    for (size_t i = 0; i < ARRAY_LEN(control_plane_pairs); i++)
        check_pair(&w, control_plane_pairs[i]);
    calls = w.calls;
    round_ok(&w); /* once, not for ever */
    assert_int_equal(w.calls, calls + 1);

    doc = aworld_owner(&w, HTTP_GET, "/v1/clusters/demo/status", NULL, 200);
    assert_int_equal(json_int(json_get(json_root(doc), "failed"), -1), 0);
    assert_int_equal(json_int(json_get(json_root(doc), "stale"), -1), 0);
    assert_string_equal(json_text(json_path(json_root(doc), "items.0.state")), "waiting");
    aworld_end(&w);
}

static void test_embedded(void **state)
{
    CLEANUP(buf_clear) struct buf conf = { 0 };
    struct aworld w;

    (void)state;
    aworld_start(&w, "");
    join_ok(&w, "w1", "worker", "kubeadm");
    round_ok(&w);
    check_pair(&w, "pki/kubelet-serving");
    read_file(&w, "kubelet.conf", &conf);
    assert_non_null(strstr(buf_str(&conf), "client-key-data: "));
    assert_null(strstr(buf_str(&conf), "@CERT@"));
    assert_false(there(&w, "pki/sa.key"));
    assert_false(there(&w, "pki/kubelet-client.key"));
    aworld_end(&w);
}

/* The daemon is away: what is there stays, and what was known is gone on with. */
static void test_away(void **state)
{
    struct aworld w;
    struct err e = { 0 };
    char path[256];

    (void)state;
    aworld_start(&w, "");
    join_ok(&w, "w1", "worker", "systemd");
    round_ok(&w);
    w.away = true;
    aworld_agent_end(&w);
    aworld_agent(&w);
    path_of(path, &w, "pki/ca.crt");
    assert_int_equal(unlink(path), 0);
    expect("away", aworld_round(&w, &e), &e, ERR_UNREACHABLE, "nobody");
    assert_true(there(&w, "pki/ca.crt")); /* it needs no signature */
    w.away = false;
    round_ok(&w);
    aworld_end(&w);
}

/* ---- what is refused ---- */

static void test_tokens(void **state)
{
    CLEANUP(freep) char *old = NULL;
    CLEANUP(freep) char *token = NULL;
    struct aworld w;
    struct err e = { 0 };
    char key[128];

    (void)state;
    aworld_start(&w, "");
    old = aworld_invite(&w, "w1", "worker");
    token = aworld_invite(&w, "w1", "worker");
    expect("an older one", aworld_join(&w, old, "systemd", &e), &e, ERR_REFUSED, "newer");
    e = (struct err){ 0 };
    expect("a layout of its own", aworld_join(&w, token, "great", &e), &e, ERR_INVALID, "layout");
    e = (struct err){ 0 };
    expect("good", aworld_join(&w, token, "systemd", &e), &e, ERR_NONE, NULL);
    aworld_agent(&w);
    round_ok(&w);
    expect("used", aworld_join(&w, token, "systemd", &e), &e, ERR_REFUSED, "used already");

    /* joining again: a new key, and what was there is refused at once */
    aworld_agent_end(&w);
    free(token);
    token = aworld_invite(&w, "w1", "worker");
    e = (struct err){ 0 };
    expect("again", aworld_join(&w, token, "systemd", &e), &e, ERR_NONE, NULL);
    aworld_agent(&w);
    round_ok(&w);
    snprintf(key, sizeof key, "%s/agent.key.next", w.home);
    assert_int_equal(access(key, F_OK), -1);
    aworld_end(&w);
}

static void test_no_certificate(void **state)
{
    CLEANUP(buf_clear) struct buf kept = { 0 };
    CLEANUP(freep) char *token = NULL;
    struct aworld w;
    struct err e = { 0 };
    char path[128];

    (void)state;
    aworld_start(&w, "");
    join_ok(&w, "w1", "worker", "systemd");
    round_ok(&w);
    snprintf(path, sizeof path, "%s/%s", w.home, AGENT_CERT);
    read_bytes(&kept, path);
    token = aworld_invite(&w, "w1", "worker");
    if (aworld_join(&w, token, "systemd", &e))
        fail_msg("%s", e.msg);
    write_bytes(path, kept.ptr, kept.len);
    assert_int_equal(aworld_round(&w, &e), -1);
    if (e.code != ERR_ANONYMOUS && e.code != ERR_REFUSED)
        fail_msg("the old certificate: %s", e.msg);
    aworld_end(&w);
}

/* Two agents with one certificate: both are blocked until somebody looks. */
static void test_clone(void **state)
{
    struct aworld w;
    struct err e = { 0 };
    char first[64];

    (void)state;
    aworld_start(&w, "");
    join_ok(&w, "w1", "worker", "systemd");
    round_ok(&w);
    memcpy(first, w.agent->instance, sizeof first);
    aworld_agent_end(&w);
    aworld_agent(&w);
    assert_string_equal(w.agent->instance, first); /* run again, it is the same one */
    round_ok(&w);
    memcpy(w.agent->instance, "copy", sizeof "copy");
    round_ok(&w);
    memcpy(w.agent->instance, first, sizeof first); /* the one from before lives */
    expect("the clone", aworld_round(&w, &e), &e, ERR_REFUSED, "cloned");
    e = (struct err){ 0 };
    expect("blocked", aworld_round(&w, &e), &e, ERR_REFUSED, "node approve");
    aworld_do(&w, HTTP_POST, "/v1/clusters/demo/nodes/w1/approval", NULL);
    round_ok(&w);
    aworld_do(&w, HTTP_DELETE, "/v1/clusters/demo/nodes/w1", NULL);
    e = (struct err){ 0 };
    assert_int_equal(aworld_round(&w, &e), -1);
    aworld_end(&w);
}

/* Only what is in its own plan. */
static void test_foreign_places(void **state)
{
    static const struct {
        const char *slot, *profile;
    } places[] = {
        { "apiserver", "apiserver" },     { "admin", "admin" },
        { "kubelet", "admin" },           { "kubelet", "operator" },
        { "mine", "kubelet-client" },     { "etcd-peer", "etcd-peer" },
        { "super-admin", "super-admin" },
    };
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct aworld w;

    (void)state;
    aworld_start(&w, "");
    join_ok(&w, "w1", "worker", "systemd");
    round_ok(&w);
    assert_int_equal(key_generate(&key, KEY_P256, NULL), 0);
    assert_int_equal(x509_csr_write(&csr, key, slice_of("0\0", 2), NULL, 0, NULL), 0);
    pem_write(&pem, "CERTIFICATE REQUEST", buf_slice(&csr));
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        CLEANUP(buf_clear) struct buf body = { 0 };
        struct json *reply = NULL;
        struct json_writer json;
        struct err e = { 0 };
        char path[128];

        json_writer_init(&json, &body, false);
        json_put_object(&json, NULL);
        json_put_array(&json, "items");
        json_put_object(&json, NULL);
        json_put_text(&json, "slot", places[i].slot);
        json_put_text(&json, "profile", places[i].profile);
        json_put_slice(&json, "csr", buf_slice(&pem));
        json_put_end(&json);
        json_put_end(&json);
        json_put_end(&json);
        snprintf(path, sizeof path, "/v1/agent/certificates?instance=%s", w.agent->instance);
        expect(places[i].slot, agent_post(&w.transport, path, buf_slice(&body), &reply, &e), &e,
               ERR_REFUSED, "has no place");
    }
    aworld_end(&w);
}

/* A life that its readers cannot follow is refused when it is asked for, with the reason. */
static void test_short_life(void **state)
{
    struct aworld w;
    struct err e = { 0 };

    (void)state;
    aworld_start(&w, ",\"leaf_ttl\":\"10m\"");
    join_ok(&w, "w1", "worker", "systemd");
    expect("10m", aworld_round(&w, &e), &e, ERR_REFUSED, "kubelet may take 300 seconds");
    assert_false(there(&w, "pki/kubelet-serving.crt"));
    aworld_end(&w);
}

/* ---- links in the way ---- */

static void test_links(void **state)
{
    static const char *const places[] = { "pki/etcd", "pki/etcd/server.key", "pki", "admin.conf" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct aworld w;
        struct err e = { 0 };
        char path[256], outside[256], moved[300];

        aworld_start(&w, "");
        join_ok(&w, "cp1", "control-plane", "systemd");
        round_ok(&w);
        path_of(path, &w, places[i]);
        snprintf(outside, sizeof outside, "%s/outside", w.dir);
        snprintf(moved, sizeof moved, "%s-moved", outside);
        assert_int_equal(rename(path, outside), 0);
        assert_int_equal(symlink(outside, path), 0);
        aworld_do(&w, HTTP_POST, "/v1/clusters/demo/nodes/cp1/renewal", NULL);
        expect(places[i], aworld_round(&w, &e), &e, ERR_REFUSED, "in the way");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rename(outside, path), 0);
        round_ok(&w);
        check_pair(&w, "pki/etcd/server");
        aworld_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_plane),  cmocka_unit_test(test_embedded),
        cmocka_unit_test(test_away),           cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_no_certificate), cmocka_unit_test(test_clone),
        cmocka_unit_test(test_foreign_places), cmocka_unit_test(test_short_life),
        cmocka_unit_test(test_links),
    };

    umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
