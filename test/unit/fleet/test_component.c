#include "base/buf.h"
#include "base/clock.h"
#include "expect.h"
#include "fleet/component.h"
#include "golden.h"
#include "pki/layout.h"

/* ---- the golden file ---- */

static void test_table(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    (void)state;
    for (size_t i = 0; i < component_row_count; i++)
        buf_addf(&text, "%-24s %-14s %s\n", component_rows[i].name,
                 component_rows[i].control_plane ? "one at a time" : "-", component_rows[i].health);
    buf_add_byte(&text, '\n');
    for (size_t i = 0; i < component_use_count; i++) {
        const struct component_use *use = &component_uses[i];
        char port[16] = "-";

        if (use->port == PORT_API)
            snprintf(port, sizeof port, "api");
        else if (use->port)
            snprintf(port, sizeof port, "%u", use->port);
        buf_addf(&text, "%-24s %-35s %-8s %4u %-10s %s\n", use->component, use->path,
                 take_up_name(use->take), use->seconds, confirm_name(use->confirm), port);
    }
    golden_compare("components.txt", &text);
}

/* ---- what holds for every row ---- */

static bool is_leaf(const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < leaf_slot_count; i++)
        if (strlen(leaf_slots[i].path) + 4 == len &&
            strncmp(leaf_slots[i].path, path, len - 4) == 0)
            return true;
    return false;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < component_use_count; i++) {
        const struct component_use *use = &component_uses[i];

        if (!component_find(use->component))
            fail_msg("'%s' is no component", use->component);
        if (use->take == TAKE_NONE || use->seconds == 0)
            fail_msg("%s %s: takes up nothing", use->component, use->path);
        if ((use->take == TAKE_RESTART) != (use->confirm == CONFIRM_START))
            fail_msg("%s %s: a restart, and nothing else, is seen by its start", use->component,
                     use->path);
        if ((use->confirm == CONFIRM_HANDSHAKE || use->confirm == CONFIRM_TRUST) != (use->port > 0))
            fail_msg("%s %s: a port is for connections", use->component, use->path);
        if (use->confirm == CONFIRM_HANDSHAKE && !is_leaf(use->path))
            fail_msg("%s %s: no certificate to be shown", use->component, use->path);
        for (size_t k = 0; k < i; k++)
            if (strcmp(component_uses[k].component, use->component) == 0 &&
                strcmp(component_uses[k].path, use->path) == 0)
                fail_msg("%s %s: twice", use->component, use->path);
    }
    for (int i = 0; i < COMPONENTS; i++)
        if (!component_find(component_name((enum component)i)))
            fail_msg("'%s' is missing", component_name((enum component)i));
}

/* ---- renewal ---- */

static const struct {
    const char *label;
    int64_t from, to;
    unsigned reload, jitter;
    int64_t want;
} renewals[] = {
    { "two thirds", 0, 9000, 60, 0, 6000 },
    { "jitter is earlier", 0, 9000, 60, 1000, 5550 },
    { "half the jitter", 0, 9000, 60, 500, 5775 },
    { "no more than all of it", 0, 9000, 60, 5000, 5550 },
    { "twenty minutes, five to reload", 0, 1200, 300, 0, 800 },
    { "a quarter of an hour, five minutes to reload", 0, 900, 300, 0, 540 },
    { "the end less the reload and a minute", 1000, 1600, 300, 0, 1240 },
    { "never before it began", 1000, 1100, 300, 0, 1000 },
    { "a year", 0, 31536000, 300, 0, 21024000 },
    { "turned around", 2000, 1000, 0, 0, 2000 },
};

static void test_renewal(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(renewals); i++) {
        int64_t got = component_renewal(renewals[i].from, renewals[i].to, renewals[i].reload,
                                        renewals[i].jitter);

        if (got != renewals[i].want)
            fail_msg("%s: %lld", renewals[i].label, (long long)got);
    }
}

/* Whatever passes the check leaves time: renewed, reloaded, and a minute to spare. */
static void test_renewal_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < component_use_count; i++) {
        unsigned reload = component_slowest(component_uses[i].path, NULL);

        for (int64_t life = 3 * (int64_t)reload; life < 4000; life += 37) {
            int64_t at = component_renewal(0, life, reload, 0);

            assert_true(at + reload + 60 <= life || at == 0);
            assert_true(component_life_check(component_uses[i].path, life, NULL) == 0);
        }
    }
}

static const struct {
    const char *label, *path;
    int64_t life;
    enum err_code want;
    const char *says;
} lives[] = {
    { "a quarter of an hour at client-go", "pki/scheduler.crt", 900, ERR_NONE, NULL },
    { "a second less", "pki/scheduler.crt", 899, ERR_REFUSED, "kube-scheduler" },
    { "the slowest of several", "pki/ca.crt", 179, ERR_REFUSED, "60 seconds" },
    { "watched", "pki/apiserver.crt", 180, ERR_NONE, NULL },
    { "watched, too short", "pki/apiserver.crt", 179, ERR_REFUSED, "kube-apiserver" },
    { "nobody keeps it", "pki/admin.crt", 1, ERR_NONE, NULL },
    { "negative", "pki/apiserver.crt", -5, ERR_REFUSED, "too short" },
};

static void test_life(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        struct err e = { 0 };
        int rc = component_life_check(lives[i].path, lives[i].life, &e);

        expect(lives[i].label, rc, &e, lives[i].want, lives[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_rows),
        cmocka_unit_test(test_renewal), cmocka_unit_test(test_renewal_in_time),
        cmocka_unit_test(test_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
