#include "base/alloc.h"
#include "pki/address.h"
#include "pki/cluster_spec.h"

enum { SHOWN = 80 };

/* ---- machines ---- */

void machine_clear(struct machine *m)
{
    for (size_t i = 0; i < m->address_count; i++)
        free(m->address[i]);
    for (size_t i = 0; i < m->dns_count; i++)
        free(m->dns[i]);
    *m = (struct machine){ 0 };
}

/* The kubelet's user name is system:node:NAME, and a common name has 64 characters (RFC 5280). */
static int check_machine_name(const char *name, struct err *e)
{
    static const size_t longest = 64 - (sizeof "system:node:" - 1);

    if (dns_check(name, DNS_NAME, 63, "machine name", e))
        return -1;
    if (strlen(name) > longest)
        return err_set(
            e, ERR_INVALID,
            "machine name '%s' is %zu characters long, at most %zu are allowed: its kubelet is "
            "'system:node:NAME', and a common name has 64",
            name, strlen(name), longest);
    if (strspn(name, "0123456789") == strlen(name))
        return err_set(e, ERR_INVALID, "machine name '%s' is a number: give it a letter", name);
    return 0;
}

static bool listed(char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static int add_address(struct machine *m, const char *text, struct err *e)
{
    struct address a;
    char canonical[ADDRESS_TEXT];

    if (address_parse(&a, text, "address", e))
        return -1;
    address_format(&a, canonical);
    if (listed(m->address, m->address_count, canonical))
        return err_set(e, ERR_INVALID, "address '%s' is given twice", canonical);
    if (m->address_count == MACHINE_MAX_NAMES)
        return err_set(e, ERR_LIMIT, "more than %d addresses", MACHINE_MAX_NAMES);
    m->address[m->address_count++] = xstrdup(canonical);
    return 0;
}

static int add_name(struct machine *m, const char *text, struct err *e)
{
    if (m->address_count == 0)
        return err_set(
            e, ERR_INVALID,
            "'%.*s' is not an IP address: the first one is where it listens, names follow", SHOWN,
            text);
    if (dns_check(text, DNS_NAME, 253, "name", e))
        return -1;
    if (strcmp(text, m->name) == 0) /* it has that name anyway */
        return 0;
    if (listed(m->dns, m->dns_count, text))
        return err_set(e, ERR_INVALID, "name '%s' is given twice", text);
    if (m->dns_count == MACHINE_MAX_NAMES)
        return err_set(e, ERR_LIMIT, "more than %d names", MACHINE_MAX_NAMES);
    m->dns[m->dns_count++] = xstrdup(text);
    return 0;
}

static int add_host(struct machine *m, struct slice text, struct err *e)
{
    CLEANUP(freep) char *host = slice_dup(text);

    return address_looks(host) ? add_address(m, host, e) : add_name(m, host, e);
}

int machine_parse(struct machine *ret, const char *text, struct err *e)
{
    CLEANUP(machine_clear) struct machine m = { 0 };
    struct slice rest = slice_str(text), head;
    CLEANUP(freep) char *name = NULL;
    bool more = true;

    if (!slice_cut(&rest, '=', &head))
        return err_set(e, ERR_INVALID, "machine '%.*s': write MACHINE=ADDRESS, like cp1=10.0.0.1",
                       SHOWN, text);
    name = slice_dup(head);
    if (check_machine_name(name, e))
        return -1;
    memcpy(m.name, name, strlen(name) + 1);
    while (more) {
        more = slice_cut(&rest, ',', &head);
        if (add_host(&m, more ? head : rest, e))
            return err_wrap(e, "machine '%s'", m.name);
    }
    *ret = m;
    m = (struct machine){ 0 };
    return 0;
}

/* ---- the request ---- */

/* clang-format off */
static const struct {
    const char *name;
    unsigned role; /* 0: not machines, but SANs */
} lists[] = {
    { "control_plane", MACHINE_CONTROL_PLANE },
    { "etcd",          MACHINE_ETCD },
    { "workers",       MACHINE_WORKER },
    { "sans",          0 },
};
/* clang-format on */

static int check_members(const struct json_value *request, struct err *e)
{
    const char *known[32] = { 0 };
    size_t n = 0;

    _Static_assert(ARRAY_LEN(lists) < 8, "room for every name");
    if (json_type(request) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "a cluster is described by a JSON object");
    for (size_t i = 0; i < spec_field_count; i++)
        known[n++] = spec_fields[i].name;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        known[n++] = lists[i].name;
    return json_only(request, known, e);
}

static int parse_field(struct cluster *c, const struct spec_field *field,
                       const struct json_value *request, struct err *e)
{
    const struct json_value *v = json_get(request, field->name);
    const char *text = json_text(v);

    if (json_type(v) == JSON_NULL)
        text = field->fallback;
    if (json_type(v) != JSON_NULL && !text)
        return err_set(e, ERR_INVALID, "'%s' is not a text", field->name);
    if (!text)
        return err_set(e, ERR_INVALID, "'%s' is missing", field->name);
    return field->parse(c, text, e);
}

/* A control-plane machine may run etcd as well, if it is the same one; nothing else comes twice. */
static int add_machine(struct cluster *c, struct machine *m, struct err *e)
{
    for (size_t i = 0; i < c->machine_count; i++) {
        struct machine *have = &c->machine[i];

        if (strcmp(have->name, m->name) != 0)
            continue;
        if (have->roles != MACHINE_CONTROL_PLANE || m->roles != MACHINE_ETCD)
            return err_set(
                e, ERR_INVALID,
                "machine '%s' is given twice: only a control-plane machine may be named again, "
                "with --etcd",
                m->name);
        have->roles |= m->roles;
        m->roles = have->roles;
        if (!machine_same(have, m))
            return err_set(
                e, ERR_INVALID,
                "machine '%s' is given twice with different addresses: give it the same ones",
                m->name);
        return 0;
    }
    c->machine[c->machine_count++] = *m;
    *m = (struct machine){ 0 };
    return 0;
}

static int parse_list(struct cluster *c, size_t list, const struct json_value *array, struct err *e)
{
    if (json_type(array) != JSON_NULL && json_type(array) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "'%s' is not a list", lists[list].name);
    for (size_t i = 0; i < json_len(array); i++) {
        CLEANUP(machine_clear) struct machine m = { 0 };
        const char *text = json_text(json_at(array, i));

        if (!text)
            return err_set(e, ERR_INVALID, "'%s' is not a list of texts", lists[list].name);
        if (!lists[list].role) {
            if (spec_add_san(c, text, e))
                return -1;
            continue;
        }
        if (machine_parse(&m, text, e))
            return -1;
        m.roles = lists[list].role;
        if (add_machine(c, &m, e))
            return -1;
    }
    return 0;
}

static int parse_lists(struct cluster *c, const struct json_value *request, struct err *e)
{
    size_t machines = 0;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (lists[i].role && json_type(json_get(request, lists[i].name)) == JSON_ARRAY)
            machines += json_len(json_get(request, lists[i].name));
    if (machines > CLUSTER_MAX_MACHINES)
        return err_set(e, ERR_LIMIT, "more than %d machines", CLUSTER_MAX_MACHINES);
    c->machine = xcalloc(machines + 1, sizeof *c->machine);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (parse_list(c, i, json_get(request, lists[i].name), e))
            return -1;
    return 0;
}

int cluster_parse(struct cluster *ret, const struct json_value *request, struct buf *warnings,
                  struct err *e)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    if (check_members(request, e))
        return -1;
    for (size_t i = 0; i < spec_field_count; i++)
        if (parse_field(&c, &spec_fields[i], request, e))
            return -1;
    if (parse_lists(&c, request, e) || cluster_check(&c, warnings, e))
        return -1;
    *ret = c;
    c = (struct cluster){ 0 };
    return 0;
}
