#include "access/trail.h"
#include "base/clock.h"
#include "base/encode.h"
#include <openssl/evp.h>
#include <yyjson.h>

void audit_hash(char out[AUDIT_HASH_TEXT], struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];

    if (!EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha256(), NULL))
        abort(); /* SHA-256 of bytes in memory has no reason to fail */
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof digest] = '\0';
}

void audit_put_text(struct buf *out, struct slice text)
{
    buf_add_byte(out, '"');
    while (text.len > 0) {
        uint32_t point;
        size_t len = utf8_next(text, &point);

        if (len == 0) {
            buf_add_str(out, "\xef\xbf\xbd");
            len = 1;
        } else if (point == '"' || point == '\\') {
            buf_add_byte(out, '\\');
            buf_add_byte(out, (uint8_t)point);
        } else if (!utf8_is_safe(point) && point <= 0xffff) {
            buf_addf(out, "\\u%04x", (unsigned)point); /* a trail is read on terminals */
        } else {
            buf_add(out, text.ptr, len);
        }
        text = slice_of(text.ptr + len, text.len - len);
    }
    buf_add_byte(out, '"');
}

void audit_put_signed(struct buf *out, const char *prefix, struct slice statement,
                      struct slice signature)
{
    buf_addf(out, "{%s\"statement\":", prefix);
    audit_put_text(out, statement);
    buf_add_str(out, ",\"signature\":\"");
    base64_encode(out, signature);
    buf_add_str(out, "\"}");
}

static bool take_text(char *out, size_t size, yyjson_val *object, const char *key)
{
    yyjson_val *v = yyjson_obj_get(object, key);
    size_t len = yyjson_get_len(v);

    if (!yyjson_is_str(v) || len >= size || memchr(yyjson_get_str(v), 0, len))
        return false;
    memcpy(out, yyjson_get_str(v), len + 1);
    return true;
}

static bool take_int(int64_t *out, yyjson_val *object, const char *key)
{
    yyjson_val *v = yyjson_obj_get(object, key);

    *out = yyjson_get_sint(v);
    return yyjson_is_int(v);
}

static bool take_time(int64_t *out, yyjson_val *object)
{
    struct err ignored;
    char text[32];

    return take_text(text, sizeof text, object, "time") &&
           time_parse(out, slice_str(text), &ignored) == 0;
}

static bool take_entry(struct audit_entry *entry, yyjson_val *root)
{
    bool record = !yyjson_obj_get(root, "type");
    int64_t version;

    if (!record && !take_text(entry->type, sizeof entry->type, root, "type"))
        return false;
    if (record)
        (void)take_text(entry->action, sizeof entry->action, root, "action");
    entry->signatures = yyjson_get_sint(yyjson_obj_get(root, "signatures"));
    return take_int(&version, root, "v") && version == 1 &&
           take_text(entry->installation, sizeof entry->installation, root, "installation") &&
           take_text(entry->chain, sizeof entry->chain, root, "chain") &&
           take_int(&entry->sequence, root, "seq") && take_time(&entry->time, root) &&
           take_text(entry->hash, sizeof entry->hash, root, record ? "prev" : "hash");
}

bool audit_parse(struct audit_entry *entry, struct slice bytes)
{
    yyjson_doc *doc = yyjson_read((const char *)bytes.ptr, bytes.len, YYJSON_READ_NOFLAG);
    bool good;

    *entry = (struct audit_entry){ 0 };
    good = doc && take_entry(entry, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return good;
}
