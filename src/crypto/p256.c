#include "base/alloc.h"
#include "crypto/init.h"
#include "crypto/key_internal.h"
#include <openssl/core_names.h>
#include <pthread.h>

enum { POINT_LEN = 65 };

/* OpenSSL 3.0 needs 20 us to make a P-256 key from its point and 15 to prepare a generator; both
 * are made once per thread and used again. */
struct p256 {
    EVP_PKEY *slot;
    EVP_PKEY_CTX *verifier, *generator;
    uint8_t point[POINT_LEN]; /* in the slot; all zero: none */
};

static _Thread_local struct p256 *mine;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void p256_free(void *p)
{
    struct p256 *thread = p;

    EVP_PKEY_CTX_free(thread->verifier);
    EVP_PKEY_CTX_free(thread->generator);
    EVP_PKEY_free(thread->slot);
    free(thread);
}

static void make_key(void)
{
    if (pthread_key_create(&at_thread_end, p256_free))
        abort();
}

/* The slot starts with the domain parameters only. */
static bool make_slot(struct p256 *thread)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char group[] = "P-256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_end(),
    };

    return ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
           EVP_PKEY_fromdata(ctx, &thread->slot, EVP_PKEY_KEY_PARAMETERS, params) > 0;
}

static struct p256 *p256_of_thread(void)
{
    struct p256 *thread = mine;

    if (thread)
        return thread;
    crypto_init();
    (void)pthread_once(&once, make_key);
    thread = xcalloc(1, sizeof *thread);
    if (!make_slot(thread) || pthread_setspecific(at_thread_end, thread)) {
        p256_free(thread);
        return NULL;
    }
    mine = thread;
    return thread;
}

bool p256_load(struct slice point)
{
    struct p256 *thread = p256_of_thread();

    if (!thread || point.len != POINT_LEN || point.ptr[0] != 4) /* 4: not compressed */
        return false;
    if (memcmp(thread->point, point.ptr, POINT_LEN) == 0)
        return true;
    memset(thread->point, 0, POINT_LEN);
    if (EVP_PKEY_set1_encoded_public_key(thread->slot, point.ptr, point.len) <= 0) {
        crypto_fail(NULL, ERR_INVALID, "point"); /* empties the error queue */
        return false;
    }
    memcpy(thread->point, point.ptr, POINT_LEN);
    return true;
}

EVP_PKEY_CTX *p256_verifier(void)
{
    struct p256 *thread = p256_of_thread();

    if (!thread || thread->point[0] == 0)
        return NULL;
    if (!thread->verifier)
        thread->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, thread->slot, NULL);
    if (!thread->verifier || EVP_PKEY_verify_init(thread->verifier) <= 0)
        return NULL;
    return thread->verifier;
}

EVP_PKEY *p256_generate(void)
{
    struct p256 *thread = p256_of_thread();
    EVP_PKEY *pkey = NULL;

    if (!thread)
        return NULL;
    if (!thread->generator) {
        CLEANUP(EVP_PKEY_CTX_freep)
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

        if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 ||
            EVP_PKEY_CTX_set_group_name(ctx, "P-256") <= 0)
            return NULL;
        thread->generator = ctx;
        ctx = NULL;
    }
    return EVP_PKEY_keygen(thread->generator, &pkey) > 0 ? pkey : NULL;
}
