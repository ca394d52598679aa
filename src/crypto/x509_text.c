#include "base/encode.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include <arpa/inet.h>

/* What is not visible ASCII becomes \xHH, and a backslash or comma gets one: a list stays a list.
 */
static void add_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (c <= 0x20 || c >= 0x7f)
            buf_addf(out, "\\x%02x", c);
        else if (c == '\\' || c == ',')
            buf_addf(out, "\\%c", c);
        else
            buf_add_byte(out, c);
    }
}

static void add_ip(struct buf *out, struct slice value)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (value.len != 4 && value.len != 16)
        buf_add_str(out, "?");
    else if (inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.ptr, text, sizeof text))
        buf_add_str(out, text);
}

void san_format(struct buf *out, const struct san *san)
{
    switch (san->type) {
    case SAN_DNS:
        buf_add_str(out, "DNS:");
        add_escaped(out, san->value);
        return;
    case SAN_IP:
        buf_add_str(out, "IP:");
        add_ip(out, san->value);
        return;
    case SAN_URI:
        buf_add_str(out, "URI:");
        add_escaped(out, san->value);
        return;
    case SAN_EMAIL:
        buf_add_str(out, "email:");
        add_escaped(out, san->value);
        return;
    case SAN_OTHER:
        buf_add_str(out, "other:#");
        hex_encode(out, san->value);
        return;
    }
}

void x509_serial_hex(struct buf *out, struct slice serial)
{
    hex_encode(out, serial);
}

void x509_fingerprint(uint8_t out[32], struct slice der)
{
    sha256(out, der);
}

static void add_names(struct buf *out, unsigned set, const char *const *names, size_t count)
{
    const char *between = "";

    for (size_t i = 0; i < count; i++) {
        if (!(set & (1u << i)))
            continue;
        buf_addf(out, "%s%s", between, names[i]);
        between = ", ";
    }
}

void x509_ku_names(struct buf *out, unsigned ku)
{
    static const char *const names[] = {
        "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
        "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
    };

    add_names(out, ku, names, ARRAY_LEN(names));
}

void x509_eku_names(struct buf *out, unsigned eku)
{
    static const char *const names[] = {
        "server", "client",        "any",          "code-signing",
        "email",  "time-stamping", "ocsp-signing", "other",
    };

    add_names(out, eku, names, ARRAY_LEN(names));
}
