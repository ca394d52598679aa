#include "daemon/settings.h"

#include "base/alloc.h"
#include <arpa/inet.h>

enum { SHOWN = 80 };

static bool is_address(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_port(const char *text)
{
    size_t len = strlen(text);

    return len >= 1 && len <= 5 && strspn(text, "0123456789") == len &&
           (text[0] != '0' || len == 1) && strtol(text, NULL, 10) <= 65535;
}

int settings_check_listen(const char *text, struct err *e)
{
    CLEANUP(freep) char *host = xstrdup(text);
    char *colon = strrchr(host, ':');
    char *address = host;

    if (colon)
        *colon = '\0';
    if (colon && host[0] == '[' && colon > host + 1 && colon[-1] == ']') {
        colon[-1] = '\0';
        address = host + 1;
    } else if (colon && strchr(host, ':')) {
        colon = NULL; /* an IPv6 address wants its brackets */
    }
    if (!colon || !is_port(colon + 1) || (strcmp(address, "*") != 0 && !is_address(address)))
        return err_set(e, ERR_INVALID,
                       "'%.*s' is no address and port: 10.0.0.1:8443, [fd00::1]:8443 or *:8443",
                       SHOWN, text);
    return 0;
}

/* RFC 1123, section 2.1, and one "*" as the first label. */
int settings_check_name(const char *text, struct err *e)
{
    struct slice rest = slice_str(text), label;
    bool more = true, good = rest.len <= 253;

    if (is_address(text))
        return 0;
    while (good && more) {
        more = slice_cut(&rest, '.', &label);
        if (!more)
            label = rest;
        if (label.ptr == (const uint8_t *)text && slice_eq_str(label, "*") && more)
            continue;
        good = label.len >= 1 && label.len <= 63 && label.ptr[0] != '-' &&
               label.ptr[label.len - 1] != '-';
        for (size_t i = 0; good && i < label.len; i++)
            good = strchr("abcdefghijklmnopqrstuvwxyz0123456789-", label.ptr[i]) != NULL;
    }
    return good ? 0
                : err_set(e, ERR_INVALID,
                          "'%.*s' is neither a DNS name in small letters nor an IP address", SHOWN,
                          text);
}
