#include "keeper/fence.h"
#include "keeper/leaf.h"

/*
 * A TBSCertificate held against a fence: the one in front of it (JSON, ended by a NUL), else that
 * of the unit tests. Whatever passes is a leaf within the authority's bounds, however the forms
 * came out.
 */
static bool passes(const struct fence *fence, const struct x509_cert *issuer,
                   const struct x509_cert *tbs, bool privileged)
{
    struct fence_request request = { fence_cluster(fence), privileged, LEAF_NOW, issuer, tbs,
                                     SIG_ECDSA_SHA256 };
    const char *profile = NULL;
    struct err e = { 0 };

    if (fence_check(fence, &request, &profile, &e)) {
        assert(e.code == ERR_REFUSED && e.msg[0] && !profile);
        return false;
    }
    assert(profile && profile[0]);
    assert(tbs->version == 3 && tbs->serial.len >= 8 && tbs->serial.len <= 20);
    assert(tbs->ext.has_basic && !tbs->ext.ca && tbs->ext.unknown == 0);
    assert(tbs->ext.eku && !(tbs->ext.eku & ~issuer->ext.eku) && !(tbs->ext.ku & KU_CERT_SIGN));
    assert(tbs->not_before <= LEAF_NOW && tbs->not_after > LEAF_NOW);
    assert(tbs->not_after <= issuer->not_after && slice_eq(tbs->issuer, issuer->subject));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(fence_freep) struct fence *fence = NULL;
    CLEANUP(buf_clear) struct buf name = { 0 };
    struct x509_cert issuer = leaf_issuer(&name), tbs;
    struct slice der = slice_of(data, len), json;

    if (!slice_cut(&der, '\0', &json) || fence_read(&fence, json, NULL)) {
        der = slice_of(data, len);
        assert(fence_read(&fence, slice_str(LEAF_FENCE), NULL) == 0);
    }
    if (x509_tbs_read(&tbs, der, NULL) == 0 && passes(fence, &issuer, &tbs, false))
        assert(passes(fence, &issuer, &tbs, true));
    return 0;
}
