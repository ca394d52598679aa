#include "caller.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/*
 * A keeper in a process of its own that may make the system calls of keeper/server.h and no others:
 * every call of keeper.h works, and a call beyond the list ends it.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#if defined(__x86_64__) && !defined(SANITIZED)
#define HERE true
#else
#define HERE false
#endif

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET, YES),
#define YES SECCOMP_RET_ALLOW

static int shut_in(void *ctx, struct err *e)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        KEEPER_SYSCALLS(ALLOW) BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = { ARRAY_LEN(code), code };

    (void)ctx;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return err_errno(e, "seccomp");
    return 0;
}

static int shut_in_and_open(void *ctx, struct err *e)
{
    if (shut_in(ctx, e))
        return -1;
    (void)open("/dev/null", O_RDONLY);
    return 0;
}

/* In a child: 0 when it came to an orderly end. */
static pid_t serve_alone(int *end, int log_fd, int (*ready)(void *ctx, struct err *e))
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    struct keeper_server_options options;
    struct served *s;
    char id[ROOT_KEY_ID];
    pid_t pid;

    GOOD(keeper_root_key_new(&text, id, e));
    s = world_start(world_root_key(secret_slice(&text)), log_fd, end, 1);
    options = world_options(s);
    options.ready = ready;
    options.clock = NULL;
    options.ended = NULL;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(*end);
        _exit(keeper_serve(&options, NULL) ? 1 : 0);
    }
    (void)close(s->client_fd[0]);
    return pid;
}

static void use_keys(struct keeper *keeper)
{
    static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA2048 };
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf plain = { 0 };
    CLEANUP(secret_clear) struct secret out = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        GOOD(keeper_key_new(keeper, AT(&dk), types[i], &sealed, &pem, e));
        GOOD(keeper_key_release(keeper, AT(&dk), buf_slice(&sealed), &out, e));
    }
    while (plain.len < MESSAGE_VALUE_MAX)
        buf_add_byte(&plain, 'x');
    GOOD(keeper_seal(keeper, AT(&dk), buf_slice(&plain), &sealed, e));
    GOOD(keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &out, e));
    sealed.ptr[40] ^= 1;
    BAD(ERR_CORRUPT, "", keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &out, e));
    GOOD(keeper_identity_new(keeper, AT(&dk), &sealed, &pem, e));
    GOOD(keeper_identity_open(keeper, AT(&dk), buf_slice(&sealed), 0, e));
    GOOD(keeper_sign_statement(keeper, slice_str("{\"v\":1,\"type\":\"checkpoint\"}"), &sealed, e));
}

/* The real clock: an authority that is valid now. */
static void use_authority(struct keeper *keeper)
{
    struct world w = { .keeper = keeper };
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_AUTHORITY);
    CLEANUP(signer_closep) struct signer *signer = NULL;
    struct sign_result result = { 0 };
    struct sign_request request = { "c1", false, clock_wall(), slice_str("x") };
    struct authority_spec spec;

    leaf_name(&w.name, "CN=operators 1", 0, false);
    spec = good_spec(&w, KEY_P256);
    GOOD(keeper_authority_new(keeper, AT(&dk), &spec, &w.sealed, &w.cert, e));
    GOOD(keeper_signer_open(&signer, keeper, AT(&dk), buf_slice(&w.sealed), buf_slice(&w.cert), e));
    BAD(ERR_INVALID, "DER", keeper_sign(signer, &request, &result, e));
    buf_clear(&w.name);
    buf_clear(&w.sealed);
    buf_clear(&w.cert);
}

static void test_enough(void **state)
{
    int log_fd = memfd_create("keeper.log", MFD_CLOEXEC), end, status;
    struct keeper *keeper;
    pid_t pid;

    (void)state;
    if (!HERE) {
        not_here("the list is for x86-64 without a sanitizer");
        (void)close(log_fd);
        return;
    }
    assert_int_equal(fcntl(log_fd, F_SETFL, O_APPEND), 0);
    pid = serve_alone(&end, log_fd, shut_in);
    keeper = connect_to(end);
    use_keys(keeper);
    use_authority(keeper);
    keeper_close(keeper);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        fail_msg("killed by signal %d", WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* The filter of this test is one that bites. */
static void test_no_more(void **state)
{
    int end, status;
    pid_t pid;

    (void)state;
    if (!HERE) {
        not_here("the list is for x86-64 without a sanitizer");
        return;
    }
    pid = serve_alone(&end, -1, shut_in_and_open);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    (void)close(end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE(test_enough),
        REMOTE(test_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
