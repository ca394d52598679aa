#include "base/clock.h"
#include "crypto/key.h"
#include "keeper/fence.h"
#include "keeper/keeper_data.h"
#include "keeper/log.h"

/* The container: a byte of version, then fence and PKCS#8 key, each with four bytes of length. */
enum { CONTAINER_VERSION = 1, LENGTH_BYTES = 4 };

void authority_key_clear(struct authority_key *a)
{
    secret_clear(&a->container);
    *a = (struct authority_key){ 0 };
}

static uint8_t *put_part(uint8_t *at, struct slice part)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(part.len >> shift);
    memcpy(at, part.ptr, part.len);
    return at + part.len;
}

static int pack(struct secret *container, struct slice fence, const struct key *key, struct err *e)
{
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    uint8_t *at;

    if (key_write_private_der(key, &pkcs8, e) ||
        secret_alloc(container, 1 + 2 * LENGTH_BYTES + fence.len + pkcs8.len, e))
        return -1;
    at = container->ptr;
    *at++ = CONTAINER_VERSION;
    at = put_part(at, fence);
    put_part(at, secret_slice(&pkcs8));
    return 0;
}

static bool take_part(struct slice *rest, struct slice *part)
{
    size_t len = 0;

    if (rest->len < LENGTH_BYTES)
        return false;
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        len = len << 8 | rest->ptr[i];
    if (len > rest->len - LENGTH_BYTES)
        return false;
    *part = slice_of(rest->ptr + LENGTH_BYTES, len);
    *rest = slice_of(part->ptr + len, rest->len - LENGTH_BYTES - len);
    return true;
}

int authority_key_open(struct authority_key *ret, struct keeper *keeper,
                       const struct seal_place *place, struct slice sealed, struct err *e)
{
    CLEANUP(authority_key_clear) struct authority_key a = { 0 };
    struct slice rest;

    if (open_value(keeper, SEAL_AUTHORITY, place, sealed, &a.container, e))
        return -1;
    rest = secret_slice(&a.container);
    if (rest.len == 0 || rest.ptr[0] != CONTAINER_VERSION)
        return err_set(e, ERR_CORRUPT, "sealed by another version");
    rest = slice_of(rest.ptr + 1, rest.len - 1);
    if (!take_part(&rest, &a.fence) || !take_part(&rest, &a.pkcs8) || rest.len != 0)
        return err_set(e, ERR_CORRUPT, "not a fence and a key");
    *ret = a;
    a = (struct authority_key){ 0 };
    return 0;
}

static int check_fence(struct slice json, const char *cluster, struct err *e)
{
    CLEANUP(fence_freep) struct fence *fence = NULL;

    if (fence_read(&fence, json, e))
        return -1;
    if (cluster && strcmp(fence_cluster(fence), cluster) != 0)
        return err_set(e, ERR_INVALID, "fence: of cluster '%s', the authority is of '%s'",
                       fence_cluster(fence), cluster);
    return 0;
}

static int check_spec(const struct authority_spec *spec, struct err *e)
{
    if (spec->key_type >= KEY_MADE_BY_US)
        return err_set(e, ERR_INVALID, "keys of type '%s' are not made here",
                       key_type_name(spec->key_type));
    if (spec->eku == 0 || spec->eku & ~(unsigned)(EKU_SERVER | EKU_CLIENT))
        return err_set(e, ERR_INVALID,
                       "an authority is bounded to server, client, or both as extended key usage");
    if (spec->not_before < 0 || spec->not_after > TIME_MAX || spec->not_after <= spec->not_before)
        return err_set(e, ERR_INVALID, "the authority's life is empty or out of range");
    return check_fence(spec->fence, spec->cluster, e);
}

static int self_sign(const struct key *key, const struct authority_spec *spec, struct buf *cert,
                     struct err *e)
{
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    uint8_t serial[16], skid[20];
    struct x509_template template = {
        .serial = slice_of(serial, sizeof serial),
        .issuer = spec->subject,
        .subject = spec->subject,
        .not_before = spec->not_before,
        .not_after = spec->not_after,
        .spki = key_spki(key),
        .ca = true,
        .path_len = 0,
        .ku = KU_CERT_SIGN | KU_CRL_SIGN,
        .eku = spec->eku,
        .skid = slice_of(skid, sizeof skid),
    };

    x509_serial_new(serial);
    key_id_sha1(key, skid);
    if (x509_tbs_write(&tbs, &template, key_sig_alg(key), e) ||
        key_sign(key, buf_slice(&tbs), &sig, e) || buf_check(&sig, e))
        return -1;
    x509_assemble(cert, buf_slice(&tbs), key_sig_alg(key), buf_slice(&sig));
    return buf_check(cert, e);
}

/* The cluster is the fence's, which was read before. */
static int log_made(struct keeper *keeper, struct slice fence_json, struct log_authority *made,
                    struct err *e)
{
    CLEANUP(fence_freep) struct fence *fence = NULL;

    if (!keeper->log)
        return 0;
    if (fence_read(&fence, fence_json, e))
        return -1;
    made->cluster = fence_cluster(fence);
    return keeper_log_authority(keeper->log, made, e);
}

int local_authority_new(struct keeper *keeper, const struct seal_place *place,
                        const struct authority_spec *spec, struct buf *sealed, struct buf *cert,
                        struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(secret_clear) struct secret container = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };

    if (check_spec(spec, e) || key_generate(&key, spec->key_type, e) ||
        self_sign(key, spec, &der, e) || pack(&container, spec->fence, key, e) ||
        log_made(keeper, spec->fence,
                 &(struct log_authority){ .authority = place->label.uid, .cert = buf_slice(&der) },
                 e) ||
        seal_value(keeper, SEAL_AUTHORITY, place, secret_slice(&container), sealed, e))
        return err_wrap(e, "new authority");
    buf_replace(cert, &der);
    return 0;
}

/* An authority, and one that its key can still be used for. */
static int check_imported(const struct x509_cert *cert, const struct key *key, struct err *e)
{
    CLEANUP(key_freep) struct key *public = NULL;

    if (!cert->ext.has_basic || !cert->ext.ca)
        return err_set(e, ERR_INVALID,
                       "the certificate is not an authority's (CA:TRUE is missing)");
    if (cert->ext.has_ku && !(cert->ext.ku & KU_CERT_SIGN))
        return err_set(e, ERR_INVALID,
                       "the certificate may not sign others (keyCertSign is missing)");
    if (key_read_public(&public, cert->spki, e))
        return -1;
    if (!key_same_public(public, key))
        return err_set(e, ERR_INVALID, "the private key is not the certificate's");
    return key_check_strength(key, e);
}

int local_authority_import(struct keeper *keeper, const struct seal_place *place,
                           const struct authority_import *import, struct buf *sealed, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(secret_clear) struct secret container = { 0 };
    struct x509_cert cert;

    if (x509_cert_read(&cert, import->cert, e) || key_read_private(&key, import->private_key, e) ||
        check_imported(&cert, key, e) || check_fence(import->fence, NULL, e) ||
        pack(&container, import->fence, key, e) ||
        log_made(keeper, import->fence,
                 &(struct log_authority){
                     .authority = place->label.uid, .cert = import->cert, .imported = true },
                 e) ||
        seal_value(keeper, SEAL_AUTHORITY, place, secret_slice(&container), sealed, e))
        return err_wrap(e, "import an authority");
    return 0;
}
