#include "agent/takeup.h"
#include "expect.h"
#include "world.h"
#include <signal.h>

/* A component that is a real process behind a real TLS port: openssl s_server under another name,
 * on a loopback address of this test's own. */
struct stage {
    struct aworld w;
    char name[32], address[32];
};

static void write_script(const struct stage *s, bool works)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    char path[128];

    buf_addf(&text,
             "#!/bin/bash\ncd %s\n[ -f pid ] && kill $(cat pid) && while kill -0 $(cat pid) "
             "2>/dev/null; do sleep 0.05; done\nrm -f pid\n",
             s->w.dir);
    if (works)
        buf_addf(&text,
                 "(exec -a %s openssl s_server -WWW -quiet -accept %s:10257 -cert "
                 "kubernetes/pki/controller-manager-serving.crt -key "
                 "kubernetes/pki/controller-manager-serving.key </dev/null >/dev/null 2>&1) &\n"
                 "echo $! > pid\n",
                 s->name, s->address);
    snprintf(path, sizeof path, "%s/restart", s->w.dir);
    write_bytes(path, text.ptr, text.len);
    assert_int_equal(chmod(path, 0700), 0);
}

static void write_list(const struct stage *s)
{
    static const char *const others[] = { "etcd", "kube-apiserver", "kube-scheduler", "kubelet" };
    CLEANUP(buf_clear) struct buf text = { 0 };
    char path[128];

    buf_addf(&text,
             "version: 1\ncluster: demo\nmachine: cp1\nserver: https://x:1\nroot: %s\nlayout: "
             "systemd\npaths: [pki/, admin.conf, super-admin.conf, controller-manager.conf, "
             "scheduler.conf, kubelet.conf]\ncomponents:\n",
             s->w.root);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        buf_addf(&text,
                 "- {name: %s, run: none, process: nobody-%s, ports: [2379, 2380, 6443, 10250, "
                 "10259]}\n",
                 others[i], s->name);
    buf_addf(
        &text,
        "- name: kube-controller-manager\n  control_plane: true\n  run: command\n  command: "
        "[%s/restart]\n  process: %s\n  address: %s\n  ports: [10257]\n  patience: 3\n  ready: "
        "/restart\n  ca: %s/pki/ca.crt\n",
        s->w.dir, s->name, s->address, s->w.root);
    snprintf(path, sizeof path, "%s/%s", s->w.home, LOCAL_FILE);
    write_bytes(path, text.ptr, text.len);
}

static void stage_start(struct stage *s)
{
    CLEANUP(freep) char *token = NULL;
    struct err e = { 0 };

    snprintf(s->name, sizeof s->name, "poterne-cm-%d", (int)getpid());
    snprintf(s->address, sizeof s->address, "127.66.%d.%d", getpid() >> 8 & 255, getpid() & 255);
    aworld_start_at(&s->w, s->address, "");
    token = aworld_invite(&s->w, "cp1", "control-plane");
    if (aworld_join(&s->w, token, "systemd", &e))
        fail_msg("%s", e.msg);
    write_script(s, true);
    write_list(s);
    aworld_agent_as_is(&s->w);
    if (aworld_round(&s->w, &e))
        fail_msg("%s", e.msg);
}

static const struct local_component *component(const struct stage *s)
{
    return local_component(&s->w.agent->local, "kube-controller-manager");
}

static void run_script(const struct stage *s)
{
    struct err e = { 0 };

    if (takeup_restart(component(s), &e) || takeup_wait(component(s), 0, &e))
        fail_msg("%s", e.msg);
}

static void stage_end(struct stage *s)
{
    write_script(s, false);
    assert_int_equal(takeup_restart(component(s), NULL), 0);
    aworld_end(&s->w);
}

/* "STATE ERROR" of a file of the component. */
static void state_of(struct stage *s, const char *file, char out[300])
{
    struct json *doc = aworld_owner(&s->w, HTTP_GET, "/v1/clusters/demo/status", NULL, 200);
    struct json_iter it = json_iter(json_get(json_root(doc), "items"));
    const struct json_value *row;
    const char *key;

    snprintf(out, 300, "none");
    while (json_next(&it, &key, &row))
        if (slice_eq_str(json_slice(json_get(row, "component")), "kube-controller-manager") &&
            slice_eq_str(json_slice(json_get(row, "path")), file)) {
            const char *why = json_text(json_get(row, "error"));

            snprintf(out, 300, "%s %s", json_text(json_get(row, "state")), why ? why : "");
        }
    json_free(doc);
}

static void want_state(struct stage *s, const char *file, const char *want)
{
    char state[300];

    state_of(s, file, state);
    if (strncmp(state, want, strlen(want)) != 0)
        fail_msg("%s: %s, not %s", file, state, want);
}

static void spoil(const struct stage *s, const char *file)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", s->w.root, file);
    write_bytes(path, "mine\n", 5);
}

static bool is_spoiled(const struct stage *s, const char *file)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    char path[256];

    snprintf(path, sizeof path, "%s/%s", s->w.root, file);
    read_bytes(&bytes, path);
    return slice_eq_str(buf_slice(&bytes), "mine\n");
}

static void want_rollout(struct stage *s, const char *want)
{
    struct json *doc = aworld_owner(&s->w, HTTP_GET, "/v1/clusters/demo/status", NULL, 200);

    if (!slice_eq_str(json_slice(json_get(json_root(doc), "rollout")), want))
        fail_msg("the rollout is %s", json_text(json_get(json_root(doc), "rollout")));
    json_free(doc);
}

static void test_loaded(void **state)
{
    struct stage s;
    struct err e = { 0 };
    int64_t began, later;

    (void)state;
    stage_start(&s);
    want_state(&s, "pki/controller-manager-serving.crt", "waiting");
    run_script(&s);
    assert_int_equal(takeup_started(component(&s), &began, NULL), 0);
    assert_int_equal(aworld_round(&s.w, &e), 0);
    want_state(&s, "pki/controller-manager-serving.crt", "current");
    want_state(&s, "controller-manager.conf", "current");

    /* a file that is read once: a restart, and it is seen */
    spoil(&s, "controller-manager.conf");
    if (aworld_round(&s.w, &e))
        fail_msg("%s", e.msg);
    assert_false(is_spoiled(&s, "controller-manager.conf"));
    assert_int_equal(takeup_started(component(&s), &later, NULL), 0);
    assert_true(later > began);
    want_state(&s, "controller-manager.conf", "current");
    want_rollout(&s, "idle");

    /* once more, with the lease given back */
    began = later;
    spoil(&s, "controller-manager.conf");
    if (aworld_round(&s.w, &e) || takeup_started(component(&s), &later, &e))
        fail_msg("%s", e.msg);
    assert_true(later > began);
    stage_end(&s);
}

static void test_written_is_not_loaded(void **state)
{
    struct stage s;
    struct err e = { 0 };

    (void)state;
    stage_start(&s);
    run_script(&s);
    aworld_do(&s.w, HTTP_POST, "/v1/clusters/demo/nodes/cp1/cordon", NULL);
    assert_int_equal(aworld_round(&s.w, &e), 0);
    aworld_do(&s.w, HTTP_POST, "/v1/clusters/demo/nodes/cp1/renewal", NULL);
    assert_int_equal(aworld_round(&s.w, &e), 0);
    want_state(&s, "pki/controller-manager-serving.crt", "stale asked for"); /* cordoned */
    aworld_do(&s.w, HTTP_POST, "/v1/clusters/demo/nodes/cp1/uncordon", NULL);
    /* s_server does not reload: the new pair is there, and the old one is shown */
    s.w.agent->most_wait = 1;
    if (aworld_round(&s.w, &e))
        fail_msg("%s", e.msg);
    want_state(&s, "pki/controller-manager-serving.crt", "waiting 127.");
    stage_end(&s);
}

static void test_failed_health(void **state)
{
    struct stage s;
    struct err e = { 0 };

    (void)state;
    stage_start(&s);
    run_script(&s);
    write_script(&s, false); /* it stops, and does not come again */
    spoil(&s, "controller-manager.conf");
    expect("health", aworld_round(&s.w, &e), &e, ERR_UNREACHABLE, "not healthy");
    assert_true(is_spoiled(&s, "controller-manager.conf")); /* back to what was there before */
    want_rollout(&s, "stopped");
    e = (struct err){ 0 };
    assert_int_equal(aworld_round(&s.w, &e), 0);
    assert_true(is_spoiled(&s, "controller-manager.conf")); /* and nothing more */
    want_state(&s, "controller-manager.conf", "stale");

    write_script(&s, true);
    run_script(&s);
    aworld_do(&s.w, HTTP_POST, "/v1/clusters/demo/nodes/cp1/uncordon", NULL);
    want_rollout(&s, "idle");
    if (aworld_round(&s.w, &e))
        fail_msg("%s", e.msg);
    assert_false(is_spoiled(&s, "controller-manager.conf"));
    want_state(&s, "controller-manager.conf", "current");
    stage_end(&s);
}

static void test_dry_run(void **state)
{
    struct stage s;
    struct err e = { 0 };

    (void)state;
    stage_start(&s);
    spoil(&s, "controller-manager.conf");
    s.w.agent->dry_run = true;
    assert_int_equal(aworld_round(&s.w, &e), 0);
    assert_true(is_spoiled(&s, "controller-manager.conf"));
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_written_is_not_loaded),
        cmocka_unit_test(test_failed_health),
        cmocka_unit_test(test_dry_run),
    };

    if (access("/usr/bin/openssl", X_OK) || access("/bin/bash", X_OK)) {
        not_here("no openssl or bash");
        return 0;
    }
    umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
