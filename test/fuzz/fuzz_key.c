#include "crypto/key.h"
#include <assert.h>
#include <openssl/err.h>

static void check_public(const struct key *key)
{
    CLEANUP(key_freep) struct key *again = NULL;

    if (key_read_public(&again, key_spki(key), NULL))
        abort();
    assert(key_same_public(key, again) && key_type(key) == key_type(again));
}

/* Property: a key that reads is written, reads back as itself, and signs what its public half
 * verifies. (RSA's primes are not tested for being prime: a signature may then fail.) */
static void check_private(const struct key *key)
{
    CLEANUP(secret_clear) struct secret der = { 0 };
    CLEANUP(key_freep) struct key *again = NULL;
    CLEANUP(buf_clear) struct buf sig = { 0 }, pem = { 0 };

    if (key_write_private_der(key, &der, NULL) || key_write_private_pem(key, &pem, NULL))
        abort();
    if (key_read_private(&again, secret_slice(&der), NULL))
        abort();
    assert(key_same_public(key, again));
    check_public(key);
    if (key_type(key) == KEY_RSA_OTHER || key_sign(key, slice_str("m"), &sig, NULL))
        return;
    if (key_verify(again, key_sig_alg(key), slice_of(NULL, 0), slice_str("m"), buf_slice(&sig),
                   NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(key_freep) struct key *private = NULL;
    CLEANUP(key_freep) struct key *public = NULL;
    struct err e = { 0 };

    if (key_read_public(&public, slice_of(data, len), &e) == 0)
        check_public(public);
    else
        assert(e.code == ERR_INVALID || e.code == ERR_LIMIT);
    if (key_read_private(&private, slice_of(data, len), &e) == 0)
        check_private(private);
    else
        assert(e.code == ERR_INVALID || e.code == ERR_LIMIT);
    assert(ERR_peek_error() == 0);
    return 0;
}
