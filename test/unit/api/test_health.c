#include "door.h"

#include "api/health.h"
#include "api/metrics.h"
#include "base/clock.h"
#include <pthread.h>

static const char *body(struct door *d)
{
    return buf_str(&d->answer.body);
}

static void test_health(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    door_cluster(&d);
    assert_int_equal(door_ask(&d, HTTP_GET, "/livez", NULL), 200);
    assert_string_equal(body(&d), "ok");
    assert_int_equal(door_ask(&d, HTTP_GET, "/readyz", NULL), 200);
    assert_string_equal(body(&d), "ok");
    assert_int_equal(door_ask(&d, HTTP_GET, "/readyz?verbose", NULL), 200);
    assert_string_equal(
        body(&d), "[+]store ok\n[+]keeper ok\n[+]clock ok\n[+]running ok\nreadyz check passed\n");
    assert_int_equal(door_ask(&d, HTTP_GET, "/readyz?quiet", NULL), 400);

    health_set_draining(true);
    assert_int_equal(door_ask(&d, HTTP_GET, "/readyz", NULL), 503);
    assert_non_null(strstr(body(&d), "[-]running failed: the daemon is about to end\n"));
    assert_int_equal(door_ask(&d, HTTP_GET, "/healthz", NULL), 200);
    health_set_draining(false);

    door_open_at(&d, DOOR_NOW - 301);
    assert_int_equal(door_ask(&d, HTTP_GET, "/healthz", NULL), 503);
    assert_non_null(strstr(body(&d), "[-]clock failed: "));
    assert_int_equal(door_ask(&d, HTTP_GET, "/livez", NULL), 200);
    door_end(&d);
}

static bool has(struct door *d, const char *line)
{
    return strstr(body(d), line) != NULL;
}

static void own_family(struct buf *out)
{
    metrics_family(out, "poterne_test", "gauge", "A test.");
    metrics_sample(out, "poterne_test", "", 7);
}

static void test_metrics(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/nothing", NULL), 404);
    door_cluster(&d);
    health_set_metrics(own_family);
    assert_int_equal(door_ask(&d, HTTP_GET, "/metrics", NULL), 200);
    health_set_metrics(NULL);
    assert_true(has(
        &d,
        "poterne_http_requests_total{route=\"/v1/clusters\",method=\"POST\",status=\"201\"} 1\n"));
    assert_true(
        has(&d, "poterne_http_requests_total{route=\"none\",method=\"none\",status=\"404\"} 1\n"));
    assert_true(has(&d, "poterne_http_request_seconds_bucket{route=\"/v1/"
                        "clusters\",method=\"POST\",le=\"+Inf\"} 1\n"));
    assert_true(has(&d, "poterne_authority_expiry_timestamp_seconds{cluster=\"demo\",authority="
                        "\"etcd\",generation=\"1\"} "));
    assert_true(has(&d, "poterne_store_batches_total "));
    assert_true(has(&d, "\npoterne_test 7\n"));
    assert_true(slice_ends(buf_slice(&d.answer.body), "\n# EOF\n"));

    /* Another cluster is another expiry: the text follows the store. */
    assert_int_equal(door_ask(&d, HTTP_POST, "/v1/clusters", DOOR_CLUSTER("second")), 201);
    assert_int_equal(door_ask(&d, HTTP_GET, "/metrics", NULL), 200);
    assert_true(has(&d, "cluster=\"second\",authority=\"kubelet\""));
    assert_int_equal(door_ask(&d, HTTP_DELETE, "/v1/clusters/second", NULL), 200);
    assert_int_equal(door_ask(&d, HTTP_GET, "/metrics", NULL), 200);
    assert_false(has(&d, "cluster=\"second\""));
    door_end(&d);
}

static void test_labels(void **state)
{
    CLEANUP(buf_clear) struct buf labels = { 0 };

    (void)state;
    metrics_label(&labels, "a", "x\"y\\z\n");
    metrics_label(&labels, "b", "2");
    assert_string_equal(buf_str(&labels), "a=\"x\\\"y\\\\z\\n\",b=\"2\"");
}

enum { THREADS = 4, TIMES = 10000 };

static void *count_many(void *route)
{
    for (int i = 0; i < TIMES; i++)
        metrics_request(route, 429, i);
    return NULL;
}

static void test_threads(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    pthread_t thread[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&thread[i], NULL, count_many, (void *)(uintptr_t)&routes[0]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    metrics_render(&out);
    assert_non_null(strstr(buf_str(&out), "status=\"429\"} 40000\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics), /* first: it counts from nothing */
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
