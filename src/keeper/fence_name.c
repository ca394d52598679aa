#include "keeper/fence_data.h"
#include <strings.h>

enum { NAME_MAX_BYTES = 253, LABEL_MAX_BYTES = 63 };

/*
 * Kubernetes and kubeadm bind rights to these. Two users have them without a prefix: kubeadm 1.33
 * gives kube-apiserver-kubelet-client everything on kubelets (its ClusterRoleBinding
 * kubeadm:apiserver-kubelet-client), and front-proxy-client may name any user to an API server
 * (--requestheader-allowed-names), which counts where an adopted cluster has one CA for all.
 */
static const char *const reserved_prefixes[] = { "system:", "kubeadm:" };
static const char *const reserved_names[] = { "kube-apiserver-kubelet-client",
                                              "front-proxy-client" };
static const char *const privileged_groups[] = { "system:masters", "kubeadm:cluster-admins" };

static bool starts_in_any_case(struct slice s, const char *prefix)
{
    size_t len = strlen(prefix);

    return s.len >= len && strncasecmp((const char *)s.ptr, prefix, len) == 0;
}

bool fence_reserved_name(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(reserved_prefixes); i++)
        if (starts_in_any_case(name, reserved_prefixes[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(reserved_names); i++)
        if (name.len == strlen(reserved_names[i]) && starts_in_any_case(name, reserved_names[i]))
            return true;
    return false;
}

bool fence_privileged_group(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(privileged_groups); i++)
        if (slice_eq_str(name, privileged_groups[i]))
            return true;
    return false;
}

int fence_name_check(struct slice name, const char *what, struct err *e)
{
    if (name.len == 0)
        return err_set(e, ERR_INVALID, "%s is empty", what);
    if (name.len > NAME_MAX_BYTES)
        return err_set(e, ERR_INVALID, "%s is %zu bytes long, at most %d are allowed", what,
                       name.len, NAME_MAX_BYTES);
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];

        if (c < 0x20 || c > 0x7e)
            return err_set(e, ERR_INVALID,
                           "%s holds byte 0x%02x at position %zu: only printable ASCII is allowed",
                           what, c, i + 1);
        if (strchr("\"\\,%`$", c))
            return err_set(e, ERR_INVALID, "%s holds '%c' at position %zu, which is not allowed",
                           what, c, i + 1);
    }
    if (name.ptr[0] == ' ' || name.ptr[name.len - 1] == ' ')
        return err_set(e, ERR_INVALID, "%s begins or ends with a space", what);
    return 0;
}

static bool label_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool fence_dns_ok(struct slice name)
{
    size_t label = 0, start = 0;

    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return false;
    if (slice_starts(name, "*."))
        start = 2;
    for (size_t i = start; i < name.len; i++) {
        if (name.ptr[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!label_char(name.ptr[i]) || ++label > LABEL_MAX_BYTES) {
            return false;
        }
    }
    return label > 0;
}

bool fence_dns_eq(struct slice a, struct slice b)
{
    return a.len == b.len && strncasecmp((const char *)a.ptr, (const char *)b.ptr, a.len) == 0;
}

bool fence_dns_covers(struct slice pattern, struct slice name)
{
    struct slice head;

    if (fence_dns_eq(pattern, name))
        return true;
    if (!slice_starts(pattern, "*.") || !slice_cut(&name, '.', &head))
        return false;
    return fence_dns_eq(slice_of(pattern.ptr + 2, pattern.len - 2), name);
}

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Greedy is right as long as what follows a '*' is neither a letter nor a digit, or nothing. */
bool fence_uri_fits(struct slice pattern, struct slice uri)
{
    size_t at = 0;

    for (size_t i = 0; i < pattern.len; i++) {
        size_t from = at;

        if (pattern.ptr[i] != '*') {
            if (at == uri.len || uri.ptr[at++] != pattern.ptr[i])
                return false;
            continue;
        }
        while (at < uri.len && is_plain(uri.ptr[at]))
            at++;
        if (at == from)
            return false;
    }
    return at == uri.len;
}
