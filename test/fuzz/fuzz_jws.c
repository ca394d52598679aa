#include "base/encode.h"
#include "crypto/jose.h"
#include <assert.h>

/* RFC 7515 A.2.1 and A.3.1, RFC 8037 A.2, each with the text before its example's signature. */
static const struct {
    const char *jwk, *signed_part;
} known[] = {
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
      "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ" },
    { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
      "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc" },
    { "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp"
      "-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzj"
      "b_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZl"
      "xvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54"
      "h4FRWyuXpoQ\",\"e\":\"AQAB\"}",
      "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ" },
};

/* Property: a token is its parts, and nothing verifies but what the holders of these keys signed.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(buf_clear) struct buf again = { 0 };
    CLEANUP(jws_clear) struct jws jws = { 0 };
    struct err e = { 0 };

    if (jws_read(&jws, slice_of(data, len), &e)) {
        assert(!jws.header.ptr && (e.code == ERR_INVALID || e.code == ERR_LIMIT));
        return 0;
    }
    base64url_encode(&again, buf_slice(&jws.header));
    buf_add_byte(&again, '.');
    base64url_encode(&again, buf_slice(&jws.payload));
    assert(slice_eq(buf_slice(&again), jws.signed_part));
    buf_add_byte(&again, '.');
    base64url_encode(&again, buf_slice(&jws.sig));
    assert(slice_eq(buf_slice(&again), slice_of(data, len)));
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        CLEANUP(key_freep) struct key *key = NULL;

        if (jwk_read(&key, slice_str(known[i].jwk), &e))
            abort();
        if (jws_verify(&jws, key, &e) == 0)
            assert(slice_eq_str(jws.signed_part, known[i].signed_part));
    }
    return 0;
}
