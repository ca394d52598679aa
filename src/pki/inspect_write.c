#include "base/encode.h"
#include "crypto/name.h"
#include "pki/inspect.h"

/* "a, b" becomes ["a","b"]. */
static void put_list(struct json_writer *w, const char *key, struct slice text)
{
    struct slice head;
    bool more = text.len > 0;

    json_put_array(w, key);
    while (more) {
        more = slice_cut(&text, ',', &head);
        json_put_slice(w, NULL, slice_trim(more ? head : text));
    }
    json_put_end(w);
}

void inspect_write_name(struct json_writer *w, const char *key, struct slice name)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    name_format(&text, name);
    json_put_slice(w, key, buf_slice(&text));
}

void inspect_write_san(struct json_writer *w, const struct san *san)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    san_format(&text, san);
    json_put_slice(w, NULL, buf_slice(&text));
}

void inspect_write_finding(struct json_writer *w, const struct finding *f)
{
    json_put_text(w, "code", f->code);
    json_put_text(w, "level", finding_level_name(f->level));
    json_put_text(w, "text", f->text);
}

static void put_hex(struct json_writer *w, const char *key, struct slice bytes)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    hex_encode(&text, bytes);
    json_put_slice(w, key, buf_slice(&text));
}

static void put_key(struct json_writer *w, struct slice spki)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (key_read_public(&key, spki, NULL)) {
        json_put_text(w, "key_type", key_type_name(KEY_OTHER));
        return;
    }
    json_put_text(w, "key_type", key_type_name(key_type(key)));
    if (key_type(key) != KEY_OTHER)
        json_put_int(w, "key_bits", key_bits(key));
}

static void put_sans(struct json_writer *w, const struct x509_ext *ext)
{
    struct san_iter it = san_iter(ext);
    struct san san;

    json_put_array(w, "sans");
    while (san_next(&it, &san))
        inspect_write_san(w, &san);
    json_put_end(w);
}

void inspect_write_names(struct json_writer *w, const struct x509_cert *cert)
{
    inspect_write_name(w, "subject", cert->subject);
    put_sans(w, &cert->ext);
}

struct slice inspect_common_name(const struct x509_cert *cert)
{
    struct name_iter it = name_iter(cert->subject);
    struct name_part part;

    while (name_next(&it, &part))
        if (part.attr == NAME_CN && part.value.len && part.value.len < 256 &&
            !slice_has_nul(part.value))
            return part.value;
    return slice_of(NULL, 0);
}

void inspect_write_person(struct json_writer *w, const struct x509_cert *cert)
{
    struct name_iter it = name_iter(cert->subject);
    struct name_part part;

    json_put_slice(w, "user", inspect_common_name(cert));
    json_put_array(w, "groups");
    while (name_next(&it, &part))
        if (part.attr == NAME_O)
            json_put_slice(w, NULL, part.value);
    json_put_end(w);
}

static void put_extensions(struct json_writer *w, const struct x509_ext *ext)
{
    CLEANUP(buf_clear) struct buf ku = { 0 };
    CLEANUP(buf_clear) struct buf eku = { 0 };

    x509_ku_names(&ku, ext->ku);
    x509_eku_names(&eku, ext->eku);
    put_list(w, "key_usage", buf_slice(&ku));
    put_list(w, "extended_key_usage", buf_slice(&eku));
    put_sans(w, ext);
    json_put_bool(w, "ca", ext->ca);
    if (ext->ca && ext->path_len >= 0)
        json_put_int(w, "path_length", ext->path_len);
    if (ext->skid.len)
        put_hex(w, "subject_key_id", ext->skid);
    if (ext->akid.len)
        put_hex(w, "authority_key_id", ext->akid);
}

/* Whole days, rounded down; below zero when it has passed. */
static int64_t days_left(int64_t end, int64_t now)
{
    int64_t left = end - now;

    return left >= 0 ? left / 86400 : -((-left + 86399) / 86400);
}

int inspect_write(struct json_writer *w, const struct x509_cert *cert, int64_t now)
{
    CLEANUP(buf_clear) struct buf serial = { 0 };
    uint8_t fingerprint[32];

    x509_serial_hex(&serial, cert->serial);
    x509_fingerprint(fingerprint, cert->der);
    inspect_write_name(w, "subject", cert->subject);
    inspect_write_name(w, "issuer", cert->issuer);
    json_put_slice(w, "serial", buf_slice(&serial));
    json_put_time(w, "not_before", cert->not_before);
    json_put_time(w, "not_after", cert->not_after);
    json_put_int(w, "days_left", days_left(cert->not_after, now));
    put_hex(w, "fingerprint", slice_of(fingerprint, sizeof fingerprint));
    put_key(w, cert->spki);
    json_put_text(w, "signature", sig_alg_name(cert->sig_alg));
    put_extensions(w, &cert->ext);
    return buf_check(w->out, NULL);
}
