#include "crypto/cms.h"
#include "crypto/key.h"
#include "crypto/name.h"
#include "crypto/x509.h"
#include <assert.h>

/* Whom the corpus is encrypted to: a P-256 key that is no secret, and a certificate for it. */
static const uint8_t sec1[] = {
    0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20, 0x70, 0x6f, 0x74, 0x65, 0x72, 0x6e,
    0x65, 0x20, 0x66, 0x75, 0x7a, 0x7a, 0x20, 0x6b, 0x65, 0x79, 0x2c, 0x20, 0x6e,
    0x6f, 0x20, 0x73, 0x65, 0x63, 0x72, 0x65, 0x74, 0x20, 0x2e, 0x20, 0x2e, 0x2e,
    0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
};
static struct buf cert, key_pem;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const uint8_t serial[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf name = { 0 }, tbs = { 0 }, sig = { 0 };
    size_t mark = name_begin(&name);
    struct x509_template t = { .serial = slice_of(serial, sizeof serial),
                               .not_after = 1,
                               .path_len = -1,
                               .ku = KU_KEY_AGREEMENT };

    (void)argc;
    (void)argv;
    name_add(&name, NAME_CN, slice_str("fuzz"));
    name_end(&name, mark);
    t.issuer = t.subject = buf_slice(&name);
    if (key_read_private(&key, slice_of(sec1, sizeof sec1), NULL))
        abort();
    t.spki = key_spki(key);
    if (x509_tbs_write(&tbs, &t, key_sig_alg(key), NULL) ||
        key_sign(key, buf_slice(&tbs), &sig, NULL) || key_write_private_pem(key, &key_pem, NULL))
        abort();
    x509_assemble(&cert, buf_slice(&tbs), key_sig_alg(key), buf_slice(&sig));
    return 0;
}

/* Property: nothing opens but what was encrypted, which is one word in all of the corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(secret_clear) struct secret plain = { 0 };
    struct err e = { 0 };

    if (cms_decrypt(&plain, slice_of(data, len), NULL, buf_slice(&cert), buf_slice(&key_pem), &e)) {
        assert(!plain.ptr && e.code != ERR_INTERNAL);
        return 0;
    }
    assert(slice_eq_str(secret_slice(&plain), "poterne"));
    return 0;
}
