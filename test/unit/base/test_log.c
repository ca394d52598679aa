#include "unit.h"

#include "base/alloc.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Runs log_line with stderr turned into a file, and returns what was written. */
static void capture(char *out, size_t size, enum log_level level, const char *text)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    size_t len;

    assert_non_null(file);
    assert_true(kept >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    errno = EAGAIN;
    log_line(level, "%s", text);
    assert_int_equal(errno, EAGAIN);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    fd_closep(&kept);
    rewind(file);
    len = fread(out, 1, size - 1, file);
    out[len] = '\0';
    fclose(file);
}

static void test_levels(void **state)
{
    char out[4096];

    (void)state;
    capture(out, sizeof out, LOG_LEVEL_ERROR, "it broke");
    assert_string_equal(out, "poterne: error: it broke\n");
    capture(out, sizeof out, LOG_LEVEL_WARN, "it may break");
    assert_string_equal(out, "poterne: warning: it may break\n");
    capture(out, sizeof out, LOG_LEVEL_INFO, "it works");
    assert_string_equal(out, "poterne: it works\n");
    log_set_level(LOG_LEVEL_WARN);
    capture(out, sizeof out, LOG_LEVEL_INFO, "it works");
    assert_string_equal(out, "");
    capture(out, sizeof out, LOG_LEVEL_WARN, "x");
    assert_string_equal(out, "poterne: warning: x\n");
    log_set_level(LOG_LEVEL_INFO);
}

static void test_one_line(void **state)
{
    char out[4096], text[3000];

    (void)state;
    capture(out, sizeof out, LOG_LEVEL_ERROR, "a\npoterne: forged\r\x1b[2J");
    assert_string_equal(out, "poterne: error: a?poterne: forged??[2J\n");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    capture(out, sizeof out, LOG_LEVEL_ERROR, text);
    assert_true(strlen(out) < 1100 && strchr(out, '\n') == out + strlen(out) - 1);
}

static void test_alloc(void **state)
{
    CLEANUP(freep) char *text = xasprintf("%s-%d", "a", 1);
    CLEANUP(freep) char *copy = xstrdup(text);
    CLEANUP(freep) char *zeros = xcalloc(4, 2);
    CLEANUP(freep) char *none = xcalloc(0, 8);

    (void)state;
    assert_string_equal(copy, "a-1");
    assert_memory_equal(zeros, "\0\0\0\0\0\0\0", 8);
    assert_non_null(none);
    zeros = xrealloc_array(zeros, 100, 3);
    assert_memory_equal(zeros, "\0\0\0\0\0\0\0", 8);
}

static void test_fd_closep(void **state)
{
    int none = -1, fd = open("/dev/null", O_RDONLY | O_CLOEXEC), same = fd;

    (void)state;
    fd_closep(&none);
    assert_true(fd >= 0);
    errno = EIO;
    fd_closep(&fd);
    assert_int_equal(errno, EIO);
    assert_int_equal(fd, -1);
    assert_int_equal(fcntl(same, F_GETFD), -1);
}

static void test_json(void **state)
{
    char out[4096];

    (void)state;
    log_set_json(true, "front");
    capture(out, sizeof out, LOG_LEVEL_WARN, "a \"word\" and \\ and\nmore");
    assert_non_null(strstr(out, "{\"time\":\"2"));
    assert_non_null(strstr(out, "Z\",\"level\":\"warning\",\"process\":\"front\",\"message\":"
                                "\"a \\\"word\\\" and \\\\ and?more\"}\n"));
    log_set_json(true, NULL);
    capture(out, sizeof out, LOG_LEVEL_INFO, "x");
    assert_non_null(strstr(out, "\"level\":\"info\",\"message\":\"x\"}\n"));
    log_set_json(false, NULL);
    capture(out, sizeof out, LOG_LEVEL_INFO, "x");
    assert_string_equal(out, "poterne: x\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),    cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_json),      cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_fd_closep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
