#include "agent/desired.h"
#include "agent/pair.h"
#include "agent/takeup.h"
#include "expect.h"
#include "fleet/component.h"
#include "fleet/desired.h"

/* What a hostile daemon may say, and that none of it is taken. */

static const char list[] = "version: 1\n"
                           "cluster: demo\n"
                           "machine: cp1\n"
                           "server: https://10.0.0.1:7443\n"
                           "root: /etc/kubernetes\n"
                           "layout: systemd\n"
                           "paths: [pki/, kubelet.conf, scheduler.conf]\n"
                           "components:\n"
                           "- name: kubelet\n"
                           "  run: systemd\n"
                           "  unit: kubelet.service\n"
                           "  ports: [10250]\n";

static const char good[] =
    "{\"protocol\":1,\"cluster\":\"demo\",\"machine\":\"cp1\",\"later\":{\"x\":1},"
    "\"files\":[{\"path\":\"pki/"
    "ca.crt\",\"mode\":\"0644\",\"text\":\"CA\",\"uses\":[{\"component\":"
    "\"kubelet\",\"take\":\"restart\",\"seconds\":60,\"confirm\":\"start\",\"port\":0,\"new\":1}]},"
    "{\"path\":\"pki/sa.pub\",\"mode\":\"0644\",\"text\":\"PUB\",\"uses\":[]}],"
    "\"secrets\":[{\"path\":\"pki/sa.key\",\"mode\":\"0600\",\"public\":\"pki/"
    "sa.pub\",\"uses\":[]}],"
    "\"leaves\":[{\"slot\":\"kubelet-serving\",\"profile\":\"kubelet-serving\",\"certificate\":"
    "\"pki/"
    "kubelet-serving.crt\",\"key\":\"pki/"
    "kubelet-serving.key\",\"reload\":60,\"uses\":[{\"component\":\"kubelet\",\"take\":\"live\","
    "\"seconds\":60,\"confirm\":\"handshake\",\"port\":10250}]},"
    "{\"slot\":\"kubelet\",\"profile\":\"kubelet-client\",\"reload\":300,\"uses\":[]}],"
    "\"kubeconfigs\":[{\"path\":\"kubelet.conf\",\"mode\":\"0600\",\"slot\":\"kubelet\",\"text\":"
    "\"users:\\n- name: u@demo\\n  user:\\n    client-certificate-data: @CERT@\\n    "
    "client-key-data: @KEY@\\n\",\"uses\":[]}]}";

/* The first `from` of the good one gives way to `to`. */
static const struct {
    const char *label, *from, *to;
    enum err_code want;
    const char *says;
} cases[] = {
    { "as it is", "", "", ERR_NONE, NULL },
    { "no JSON", "{\"protocol\"", "{protocol", ERR_INVALID, "desired state" },
    { "a later protocol", "\"protocol\":1", "\"protocol\":2", ERR_REFUSED, "protocol 2" },
    { "another machine's", "\"machine\":\"cp1\"", "\"machine\":\"cp2\"", ERR_REFUSED,
      "another machine" },
    { "another cluster's", "\"cluster\":\"demo\"", "\"cluster\":\"prod\"", ERR_REFUSED,
      "another machine" },
    { "absolute", "pki/ca.crt", "/etc/passwd", ERR_REFUSED, "absolute" },
    { "upwards", "pki/ca.crt", "pki/../../passwd", ERR_REFUSED, "upwards" },
    { "upwards at once", "pki/ca.crt", "../pki/ca.crt", ERR_REFUSED, "upwards" },
    { "here", "pki/ca.crt", "./pki/ca.crt", ERR_REFUSED, "hidden" },
    { "twice a slash", "pki/ca.crt", "pki//ca.crt", ERR_REFUSED, "absolute" },
    { "hidden", "pki/ca.crt", "pki/.bashrc", ERR_REFUSED, "hidden" },
    { "a folder", "pki/ca.crt", "pki/", ERR_REFUSED, "absolute" },
    { "empty", "pki/ca.crt", "", ERR_REFUSED, "absolute" },
    { "a line break", "pki/ca.crt", "pki/a\\nb", ERR_REFUSED, "holds what" },
    { "a shell", "pki/ca.crt", "pki/$(reboot)", ERR_REFUSED, "holds what" },
    { "not in the list", "pki/ca.crt", "systemd/x.service", ERR_REFUSED, "not in this machine" },
    { "begins like the list", "pki/ca.crt", "pki-of-mine/x", ERR_REFUSED, "not in this machine" },
    { "a static pod", "pki/ca.crt", "manifests/x.yaml", ERR_REFUSED, "not in this machine" },
    { "a key upwards", "pki/kubelet-serving.key", "../x.key", ERR_REFUSED, "upwards" },
    { "a certificate outside", "pki/kubelet-serving.crt", "x.crt", ERR_REFUSED, "not in this" },
    { "pair on one file", "pki/kubelet-serving.key", "pki/kubelet-serving.crt", ERR_REFUSED,
      "twice" },
    { "two on one file", "pki/sa.pub", "pki/ca.crt", ERR_REFUSED, "twice" },
    { "a key over a bundle", "pki/kubelet-serving.key", "pki/ca.crt", ERR_REFUSED, "twice" },
    { "for all to write", "0644", "0666", ERR_REFUSED, "mode" },
    { "set-user-id", "0644", "4755", ERR_REFUSED, "mode" },
    { "no mode", "\"mode\":\"0644\",", "", ERR_INVALID, "mode" },
    { "another component", "\"component\":\"kubelet\"", "\"component\":\"sshd\"", ERR_REFUSED,
      "not in this machine" },
    { "a unit for a component", "\"component\":\"kubelet\"",
      "\"component\":\"kubelet.service; reboot\"", ERR_REFUSED, "not in this machine" },
    { "an unknown action", "\"take\":\"restart\"", "\"take\":\"exec\"", ERR_REFUSED,
      "does not know" },
    { "an unknown proof", "\"confirm\":\"start\"", "\"confirm\":\"trust-me\"", ERR_REFUSED,
      "does not know" },
    { "a port of others", "\"port\":10250", "\"port\":22", ERR_REFUSED, "port 22" },
    { "no port", "\"port\":10250", "\"port\":-1", ERR_REFUSED, "port -1" },
    { "a handshake nowhere", "\"port\":10250", "\"port\":0", ERR_REFUSED, "needs a port" },
    { "for ever", "\"seconds\":60", "\"seconds\":99999999", ERR_REFUSED, "seconds" },
    { "back in time", "\"seconds\":60", "\"seconds\":-1", ERR_REFUSED, "seconds" },
    { "a long reload", "\"reload\":60", "\"reload\":999999", ERR_REFUSED, "reload" },
    { "a program in a kubeconfig", "client-key-data: @KEY@", "exec: {command: /bin/sh}",
      ERR_REFUSED, "a program" },
    { "an auth provider", "client-key-data: @KEY@", "auth-provider: {name: x}", ERR_REFUSED,
      "a program" },
    { "a token file", "client-key-data: @KEY@", "tokenFile: /etc/shadow", ERR_REFUSED,
      "a program" },
    { "a second document", "users:\\n", "---\\nusers: []\\n---\\nusers:\\n", ERR_INVALID, NULL },
    { "a file that is a kubeconfig", "\"path\":\"pki/ca.crt\"", "\"path\":\"scheduler.conf\"",
      ERR_REFUSED, NULL },
    { "a leaf without a place", "\"slot\":\"kubelet\",\"text\"", "\"slot\":\"x\",\"text\"",
      ERR_INVALID, "no place" },
    { "a secret without its public key", "\"public\":\"pki/sa.pub\"", "\"public\":\"pki/x\"",
      ERR_INVALID, "no public key" },
    { "no list", "\"files\":[", "\"files\":{\"x\":[]},\"f\":[", ERR_INVALID, "not a list" },
    { "uses that are none", "\"uses\":[]", "\"uses\":1", ERR_INVALID, "'uses'" },
};

static int parse(struct desired *d, const char *text, struct err *e)
{
    static struct local local;
    struct err why = { 0 };
    int rc;

    if (local_parse(&local, slice_str(list), &why))
        fail_msg("%s", why.msg);
    rc = desired_parse(d, slice_str(text), &local, e);
    local_clear(&local);
    return rc;
}

static void test_hostile(void **state)
{
    static struct desired d;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        const char *at = strstr(good, cases[i].from);
        struct err e = { 0 };
        int rc;

        if (at) {
            buf_add(&text, good, (size_t)(at - good));
            buf_add_str(&text, cases[i].to);
            buf_add_str(&text, at + strlen(cases[i].from));
        } else {
            buf_add_str(&text, good);
        }
        rc = parse(&d, buf_str(&text), &e);
        if (cases[i].want == ERR_REFUSED && !cases[i].says &&
            rc) /* YAML that is none is fine too */
            e.code = ERR_REFUSED;
        expect(cases[i].label, rc, &e, cases[i].want, rc ? cases[i].says : NULL);
        if (!rc)
            desired_clear(&d);
    }
}

static void test_many(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    static struct desired d;
    struct err e = { 0 };

    (void)state;
    buf_add_str(&text, "{\"protocol\":1,\"cluster\":\"demo\",\"machine\":\"cp1\",\"files\":[");
    for (int i = 0; i <= DESIRED_MAX_FILES; i++)
        buf_addf(&text, "%s{\"path\":\"pki/%d\",\"mode\":\"0644\",\"text\":\"\"}", i ? "," : "", i);
    buf_add_str(&text, "],\"secrets\":[],\"leaves\":[],\"kubeconfigs\":[]}");
    expect("files", parse(&d, buf_str(&text), &e), &e, ERR_LIMIT, "files");
}

/* ---- the local list ---- */

static const struct {
    const char *label, *from, *to;
    const char *says;
} lists[] = {
    { "no version", "version: 1\n", "", "version" },
    { "an unknown member", "layout: systemd", "layout: systemd\nshell: /bin/sh", "shell" },
    { "an unknown way", "run: systemd", "run: shell", "'run'" },
    { "a relative root", "root: /etc", "root: etc", "absolute" },
    { "a port that is none", "[10250]", "[70000]", "ports" },
    { "no unit", "  unit: kubelet.service\n", "", "unit" },
    { "a relative command", "run: systemd", "run: command\n  command: [reboot]", "absolute" },
    { "a command that is a text", "run: systemd", "run: command\n  command: /bin/true", "list" },
    { "no command", "run: systemd", "run: command", "command" },
    { "ready without its authority", "run: systemd", "ready: /readyz\n  run: systemd", "'ca'" },
    { "ready elsewhere", "run: systemd", "ready: http://x/\n  ca: /x\n  run: systemd", "'ready'" },
    { "no paths", "[pki/, kubelet.conf, scheduler.conf]", "all", "list" },
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        const char *at = strstr(list, lists[i].from);
        struct local local = { .doc = NULL };
        struct err e = { 0 };

        assert_non_null(at);
        buf_add(&text, list, (size_t)(at - list));
        buf_add_str(&text, lists[i].to);
        buf_add_str(&text, at + strlen(lists[i].from));
        expect(lists[i].label, local_parse(&local, buf_slice(&text), &e), &e, ERR_INVALID,
               lists[i].says);
    }
}

/* Two programs, one truth: what the agent knows by itself and what the daemon's tables say. */
static void test_both_sides(void **state)
{
    (void)state;
    assert_int_equal(DESIRED_PROTOCOL, AGENT_PROTOCOL);
    assert_int_equal(known_component_count, component_row_count);
    for (size_t i = 0; i < component_row_count; i++) {
        assert_string_equal(known_components[i].name, component_rows[i].name);
        assert_int_equal(known_components[i].control_plane, component_rows[i].control_plane);
    }
    for (size_t i = 0; i < component_use_count; i++) {
        const struct component_use *use = &component_uses[i];
        bool found = use->port == 0;

        for (size_t k = 0; k < known_component_count; k++)
            for (size_t p = 0; p < LOCAL_MAX_PORTS; p++)
                found = found || (strcmp(known_components[k].name, use->component) == 0 &&
                                  known_components[k].port[p] == use->port);
        if (!found)
            fail_msg("%s %s: the agent does not know port %u", use->component, use->path,
                     use->port);
    }
    for (int64_t life = 1; life < 100000000; life = life * 3 + 7)
        for (unsigned reload = 0; reload <= 300; reload += 60)
            for (unsigned jitter = 0; jitter <= 1200; jitter += 300)
                assert_int_equal(renewal_time(1000, 1000 + life, reload, jitter),
                                 component_renewal(1000, 1000 + life, reload, jitter));
}

/* ---- manifests ---- */

static const struct {
    const char *label, *text, *want;
} manifests[] = {
    { "no annotations", "kind: Pod\nmetadata:\n  name: a\nspec: {}\n",
      "kind: Pod\nmetadata:\n  annotations:\n    poterne.io/taken-up: \"7\"\n  name: a\nspec: "
      "{}\n" },
    { "annotations", "metadata:\n  name: a\n  annotations:\n    x: y\nspec:\n  a: b",
      "metadata:\n  name: a\n  annotations:\n    poterne.io/taken-up: \"7\"\n    x: y\nspec:\n  a: "
      "b" },
    { "ours, of before", "metadata:\n  annotations:\n    poterne.io/taken-up: \"6\"\n    x: y\n",
      "metadata:\n  annotations:\n    poterne.io/taken-up: \"7\"\n    x: y\n" },
    { "a second metadata below", "metadata:\n  name: a\nspec:\n  template:\n    metadata:\n",
      "metadata:\n  annotations:\n    poterne.io/taken-up: \"7\"\n  name: "
      "a\nspec:\n  template:\n    metadata:\n" },
    { "annotations of others", "metadata:\n  name: a\nspec:\n  annotations:\n    x: y\n",
      "metadata:\n  annotations:\n    poterne.io/taken-up: \"7\"\n  name: "
      "a\nspec:\n  annotations:\n    x: y\n" },
    { "none", "kind: Pod\n", NULL },
};

static void test_manifests(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(manifests); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };
        int rc = manifest_stamp(&out, slice_str(manifests[i].text), "7", &e);

        if ((rc == 0) != (manifests[i].want != NULL))
            fail_msg("%s: %s", manifests[i].label, e.msg);
        if (!rc && strcmp(buf_str(&out), manifests[i].want) != 0)
            fail_msg("%s: %s", manifests[i].label, buf_str(&out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_lists),     cmocka_unit_test(test_both_sides),
        cmocka_unit_test(test_manifests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
