#ifndef TEST_KEEPER_WORLD_H
#define TEST_KEEPER_WORLD_H

#include "keeper/keeper.h"
#include "unit.h"
#include <sys/mman.h>
#include <unistd.h>

/* What the tests of the keeper share. */

static const struct seal_label label = { "generation", "u1", "key" };
#define AT(dk) (&(struct seal_place){ dk, label })

#define GOOD(call)                                                                                 \
    do {                                                                                           \
        struct err e_ = { 0 }, *e = &e_;                                                           \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, err_text(e));                                                \
    } while (0)
/* The call fails with that code and that text somewhere in its message. */
#define BAD(want_code, want_text, call)                                                            \
    do {                                                                                           \
        struct err e_ = { 0 }, *e = &e_;                                                           \
        int rc_ = call;                                                                            \
        if (rc_ != -1 || e->code != (want_code) || !strstr(err_text(e), want_text))                \
            fail_msg("%s: %d, code %d: %s", #call, rc_, (int)e->code, err_text(e));                \
    } while (0)

static inline int open_text(struct keeper **ret, struct slice text, const char *installation,
                            struct err *e)
{
    CLEANUP(fd_closep) int fd = memfd_create("root.key", MFD_CLOEXEC);

    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return keeper_open(ret, fd, installation, e);
}

static inline struct keeper *new_keeper(void)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    struct keeper *keeper = NULL;
    char id[ROOT_KEY_ID];

    GOOD(keeper_root_key_new(&text, id, e));
    GOOD(open_text(&keeper, secret_slice(&text), "i1", e));
    assert_string_equal(keeper_root_id(keeper), id);
    return keeper;
}

static inline struct data_key new_data_key(struct keeper *keeper, enum data_key_purpose purpose)
{
    struct data_key dk = { .purpose = purpose, .subject = "s1" };

    GOOD(keeper_data_key_new(keeper, &dk, 0, e));
    assert_int_equal(dk.generation, 1);
    assert_int_equal(dk.seals, 0);
    return dk;
}

#endif
