#include "pki/cluster_spec.h"

#include "base/alloc.h"

/* clang-format off */
static const struct {
    enum machine_role role;
    const char *name;
} machine_roles[] = {
    { MACHINE_CONTROL_PLANE, "control-plane" },
    { MACHINE_ETCD,          "etcd" },
    { MACHINE_WORKER,        "worker" },
};
/* clang-format on */

const char *machine_role_name(enum machine_role role)
{
    for (size_t i = 0; i < ARRAY_LEN(machine_roles); i++)
        if (machine_roles[i].role == role)
            return machine_roles[i].name;
    return "none";
}

int machine_role_parse(unsigned *role, const char *name, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(machine_roles); i++) {
        if (strcmp(machine_roles[i].name, name) == 0) {
            *role = machine_roles[i].role;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "role '%.40s' is unknown: control-plane, etcd or worker", name);
}

void machine_format(struct buf *out, const struct machine *m)
{
    const char *separator = "";

    for (size_t i = 0; i < ARRAY_LEN(machine_roles); i++) {
        if (!(m->roles & machine_roles[i].role))
            continue;
        buf_addf(out, "%s%s", separator, machine_roles[i].name);
        separator = "+";
    }
    separator = " ";
    for (size_t i = 0; i < m->address_count; i++, separator = ",")
        buf_addf(out, "%s%s", separator, m->address[i]);
    for (size_t i = 0; i < m->dns_count; i++, separator = ",")
        buf_addf(out, "%s%s", separator, m->dns[i]);
}

/* ---- writing ---- */

static void put_texts(struct json_writer *w, const char *key, char *const *texts, size_t count)
{
    json_put_array(w, key);
    for (size_t i = 0; i < count; i++)
        json_put_text(w, NULL, texts[i]);
    json_put_end(w);
}

static void put_machine(struct json_writer *w, const struct machine *m)
{
    json_put_array(w, "roles");
    for (size_t i = 0; i < ARRAY_LEN(machine_roles); i++)
        if (m->roles & machine_roles[i].role)
            json_put_text(w, NULL, machine_roles[i].name);
    json_put_end(w);
    put_texts(w, "addresses", m->address, m->address_count);
    put_texts(w, "dns", m->dns, m->dns_count);
}

/* name: it is the record's, in a body, and comes with uid and revision in a reply. */
static void put_fields(struct json_writer *w, const struct cluster *c)
{
    for (size_t i = 0; i < spec_field_count; i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (strcmp(spec_fields[i].name, "name") == 0)
            continue;
        spec_fields[i].format(c, &text);
        json_put_text(w, spec_fields[i].name, buf_str(&text));
    }
    put_texts(w, "sans", c->san, c->san_count);
    json_put_text(w, "adopted", c->adopted[0] ? c->adopted : NULL);
}

void cluster_write_body(struct json_writer *w, const struct cluster *c)
{
    json_put_object(w, NULL);
    put_fields(w, c);
    json_put_int(w, "machines", (int64_t)c->machine_count); /* at first: adoption adds some */
    json_put_end(w);
}

void machine_write_body(struct json_writer *w, const struct machine *m, size_t place,
                        const struct json_value *slots)
{
    json_put_object(w, NULL);
    json_put_int(w, "place", (int64_t)place);
    put_machine(w, m);
    if (slots) {
        json_put_value(w, "slots", slots);
    } else {
        json_put_object(w, "slots");
        json_put_end(w);
    }
    json_put_end(w);
}

void cluster_write_json(struct json_writer *w, const struct cluster *c)
{
    json_put_text(w, "uid", c->uid);
    json_put_int(w, "revision", c->revision);
    json_put_text(w, "name", c->name);
    json_put_time(w, "created", c->created);
    put_fields(w, c);
    json_put_array(w, "machines");
    for (size_t i = 0; i < c->machine_count; i++) {
        json_put_object(w, NULL);
        json_put_text(w, "name", c->machine[i].name);
        put_machine(w, &c->machine[i]);
        json_put_end(w);
    }
    json_put_end(w);
}

/* ---- reading what we stored: whatever does not read is damage ---- */

static int read_field(struct cluster *c, const struct spec_field *field,
                      const struct json_value *body, struct err *e)
{
    const char *text = json_text(json_get(body, field->name));

    if (!text)
        return err_set(e, ERR_CORRUPT, "'%s' is missing", field->name);
    if (!text[0] && !field->fallback && c->adopted[0]) /* it showed none */
        return 0;
    return field->parse(c, text, e);
}

int cluster_read_body(struct cluster *c, const struct json_value *body, struct err *e)
{
    const struct json_value *sans = json_get(body, "sans");
    const char *adopted = json_text(json_get(body, "adopted"));

    if (adopted)
        (void)snprintf(c->adopted, sizeof c->adopted, "%s", adopted);
    for (size_t i = 0; i < spec_field_count; i++)
        if (strcmp(spec_fields[i].name, "name") != 0 && read_field(c, &spec_fields[i], body, e))
            return -1;
    for (size_t i = 0; i < json_len(sans); i++) {
        const char *text = json_text(json_at(sans, i));

        if (!text)
            return err_set(e, ERR_CORRUPT, "'sans' is not a list of texts");
        if (spec_add_san(c, text, e))
            return -1;
    }
    return 0;
}

static int read_roles(unsigned *roles, const struct json_value *array, struct err *e)
{
    unsigned found = 0;

    for (size_t i = 0; i < json_len(array); i++) {
        struct slice name = json_slice(json_at(array, i));

        for (size_t k = 0; k < ARRAY_LEN(machine_roles); k++)
            if (slice_eq_str(name, machine_roles[k].name))
                found |= machine_roles[k].role;
    }
    *roles = found;
    return found ? 0 : err_set(e, ERR_CORRUPT, "'roles' are missing");
}

static int read_texts(char **texts, size_t *count, const struct json_value *body, const char *key,
                      struct err *e)
{
    const struct json_value *array = json_get(body, key);

    if (json_type(array) != JSON_ARRAY || json_len(array) > MACHINE_MAX_NAMES)
        return err_set(e, ERR_CORRUPT, "'%s' is not a list of at most %d", key, MACHINE_MAX_NAMES);
    for (size_t i = 0; i < json_len(array); i++) {
        const char *text = json_text(json_at(array, i));

        if (!text)
            return err_set(e, ERR_CORRUPT, "'%s' is not a list of texts", key);
        texts[(*count)++] = xstrdup(text);
    }
    return 0;
}

int machine_read_body(struct machine *m, size_t *place, const struct json_value *body,
                      struct err *e)
{
    int64_t at = json_int(json_get(body, "place"), -1);

    if (at < 0 || at >= CLUSTER_MAX_MACHINES)
        return err_set(e, ERR_CORRUPT, "'place' is missing");
    *place = (size_t)at;
    if (read_roles(&m->roles, json_get(body, "roles"), e) ||
        read_texts(m->address, &m->address_count, body, "addresses", e))
        return -1;
    return read_texts(m->dns, &m->dns_count, body, "dns", e);
}
