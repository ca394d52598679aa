#include "pki/plan.h"

#include "crypto/key.h"
#include "pki/inspect.h"
#include "pki/kubeconfig.h"
#include "pki/layout.h"
#include "pki/profile.h"
#include "pki/service_account.h"

static const char *const layout_names[] = {
    [LAYOUT_KUBEADM] = "kubeadm", [LAYOUT_SYSTEMD] = "systemd"
};

int layout_parse(enum layout *layout, const char *name, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(layout_names); i++) {
        if (strcmp(name, layout_names[i]) == 0) {
            *layout = (enum layout)i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "layout '%s' is unknown: kubeadm or systemd", name);
}

/* One plan being written. */
struct plan {
    struct request *request;
    struct store_tx *tx;
    const struct cluster *c;
    const struct machine *m;
    enum layout layout;
    unsigned needs;
    struct template_vars vars;
    struct authority authority[AUTHORITY_ROLES];
    struct json_writer *out;
};

static void plan_clear(struct plan *p)
{
    template_vars_clear(&p->vars);
    for (size_t i = 0; i < AUTHORITY_ROLES; i++)
        authority_clear(&p->authority[i]);
}

static bool needed(const struct plan *p, unsigned need)
{
    return (p->needs & need) != 0;
}

static void put_file(struct plan *p, const char *path, const char *mode, struct slice text)
{
    json_put_object(p->out, NULL);
    json_put_text(p->out, "path", path);
    json_put_text(p->out, "mode", mode);
    json_put_slice(p->out, "text", text);
    json_put_end(p->out);
}

/* ---- certificates of authorities ---- */

static const struct {
    const char *path;
    enum authority_role role;
    unsigned need;
} bundles[] = {
    { "pki/ca.crt", AUTHORITY_CONTROL_PLANE, NEED_CONTROL_PLANE | NEED_NODE },
    /* on nodes for whoever looks at the kubelet's port from beside it: a metrics agent, cert check
     */
    { "pki/kubelet-ca.crt", AUTHORITY_KUBELET, NEED_CONTROL_PLANE | NEED_NODE },
    { "pki/operators-ca.crt", AUTHORITY_OPERATORS, NEED_CONTROL_PLANE },
    { "pki/front-proxy-ca.crt", AUTHORITY_AGGREGATION, NEED_CONTROL_PLANE },
    { "pki/etcd/ca.crt", AUTHORITY_ETCD, NEED_CONTROL_PLANE | NEED_ETCD },
};

static int put_bundles(struct plan *p, struct err *e)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(bundles); i++) {
        if (!needed(p, bundles[i].need))
            continue;
        buf_reset(&pem);
        if (authority_bundle(&p->authority[bundles[i].role], &pem, e))
            return -1;
        put_file(p, bundles[i].path, "0644", buf_slice(&pem));
    }
    if (!needed(p, NEED_CONTROL_PLANE))
        return 0;
    buf_reset(&pem);
    if (authority_client_bundle(p->tx, p->c, &pem, e))
        return -1;
    put_file(p, "pki/client-ca-bundle.crt", "0644", buf_slice(&pem));
    buf_reset(&pem);
    if (service_account_public(p->tx, p->c, &pem, e))
        return -1;
    put_file(p, "pki/sa.pub", "0644", buf_slice(&pem));
    return 0;
}

/* ---- configuration ---- */

static void put_flags(struct plan *p)
{
    for (int i = 0; i < COMPONENTS; i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        char path[64];

        if (!needed(p, component_need((enum component)i)))
            continue;
        component_flags(&text, (enum component)i, &p->vars);
        snprintf(path, sizeof path, "flags/%s", component_name((enum component)i));
        put_file(p, path, "0644", buf_slice(&text));
    }
}

static void put_units(struct plan *p)
{
    for (int i = 0; i < COMPONENTS; i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        char path[64];

        if (!needed(p, component_need((enum component)i)))
            continue;
        component_unit(&text, (enum component)i, &p->vars);
        snprintf(path, sizeof path, "systemd/%s.service", component_name((enum component)i));
        put_file(p, path, "0644", buf_slice(&text));
    }
}

static void put_configuration(struct plan *p)
{
    CLEANUP(buf_clear) struct buf kubelet = { 0 };
    CLEANUP(buf_clear) struct buf kubeadm = { 0 };

    put_flags(p);
    if (needed(p, NEED_NODE)) {
        kubelet_config_write(&kubelet, &p->vars);
        put_file(p, "kubelet.yaml", "0644", buf_slice(&kubelet));
    }
    if (p->layout == LAYOUT_SYSTEMD)
        put_units(p);
    if (p->layout == LAYOUT_KUBEADM && needed(p, NEED_FIRST)) {
        kubeadm_config_write(&kubeadm, p->c, p->m, &p->vars);
        put_file(p, "kubeadm.yaml", "0600", buf_slice(&kubeadm));
    }
}

/* ---- leaves ---- */

static void put_sans(struct json_writer *out, const struct san_set *sans)
{
    json_put_array(out, "sans");
    for (size_t i = 0; i < sans->count; i++)
        inspect_write_san(out, &sans->san[i]);
    json_put_end(out);
}

static const char *issuing_custody(const struct authority *a)
{
    return a->issuing < a->generation_count ? custody_name(a->generation[a->issuing].custody)
                                            : NULL;
}

static int put_leaf_content(struct plan *p, const struct leaf_slot *slot,
                            const struct profile *profile, struct err *e)
{
    CLEANUP(san_set_clear) struct san_set sans = { 0 };
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf issuer = { 0 };
    struct profile_holder machine = { .name = p->m->name };

    if (profile_sans(&sans, profile, p->c, p->m, e) ||
        profile_subject(&subject, profile, p->c, &machine, e) ||
        authority_current_pem(&p->authority[profile->role], &issuer, e))
        return err_wrap(e, "leaf '%s'", slot->slot);
    json_put_text(p->out, "authority", authority_role_name(profile->role));
    json_put_text(p->out, "custody", issuing_custody(&p->authority[profile->role]));
    json_put_text(p->out, "key_type", key_type_name(p->c->key_type));
    json_put_base64(p->out, "subject", buf_slice(&subject));
    put_sans(p->out, &sans);
    json_put_int(p->out, "eku", profile->eku);
    json_put_slice(p->out, "issuer", buf_slice(&issuer));
    return 0;
}

static int put_leaf(struct plan *p, const struct leaf_slot *slot, struct err *e)
{
    const struct profile *profile = profile_find(slot->profile);
    bool embedded = slot->kubeconfig && p->layout == LAYOUT_KUBEADM;
    char path[96];
    int rc;

    json_put_object(p->out, NULL);
    json_put_text(p->out, "slot", slot->slot);
    json_put_text(p->out, "profile", slot->profile);
    if (!embedded) {
        snprintf(path, sizeof path, "%s.crt", slot->path);
        json_put_text(p->out, "certificate", path);
        snprintf(path, sizeof path, "%s.key", slot->path);
        json_put_text(p->out, "key", path);
    }
    rc = put_leaf_content(p, slot, profile, e);
    json_put_end(p->out);
    return rc;
}

static int put_kubeconfig(struct plan *p, const struct leaf_slot *slot, struct err *e)
{
    CLEANUP(buf_clear) struct buf yaml = { 0 };
    CLEANUP(buf_clear) struct buf server = { 0 };
    CLEANUP(buf_clear) struct buf ca = { 0 };
    const char *prefix = template_get(&p->vars, "prefix");
    struct kubeconfig k = { .cluster = p->c->name, .cert_text = "@CERT@", .key_text = "@KEY@" };
    char ca_file[4200], cert_file[4200], key_file[4200], user[160];

    template_expand(&server, &p->vars, slot->server);
    k.server = buf_str(&server);
    snprintf(user, sizeof user, "%s", profile_find(slot->profile)->cn);
    if (profile_find(slot->profile)->subject == SUBJECT_MACHINE)
        snprintf(user, sizeof user, "%s%s", profile_find(slot->profile)->cn, p->m->name);
    k.user = user;
    if (p->layout ==
        LAYOUT_SYSTEMD) { /* files are read again when they change; embedded data is not */
        snprintf(ca_file, sizeof ca_file, "%s/pki/ca.crt", prefix);
        snprintf(cert_file, sizeof cert_file, "%s/%s.crt", prefix, slot->path);
        snprintf(key_file, sizeof key_file, "%s/%s.key", prefix, slot->path);
        k.ca_file = ca_file;
        k.cert_file = cert_file;
        k.key_file = key_file;
    }
    if (authority_bundle(&p->authority[AUTHORITY_CONTROL_PLANE], &ca, e))
        return -1;
    k.ca = buf_slice(&ca);
    kubeconfig_write(&yaml, &k);
    json_put_object(p->out, NULL);
    json_put_text(p->out, "path", slot->kubeconfig);
    json_put_text(p->out, "mode", "0600");
    json_put_text(p->out, "slot", slot->slot);
    json_put_slice(p->out, "text", buf_slice(&yaml));
    json_put_end(p->out);
    return 0;
}

static int put_leaves(struct plan *p, struct err *e)
{
    json_put_array(p->out, "leaves");
    for (size_t i = 0; i < leaf_slot_count; i++)
        if (needed(p, leaf_slots[i].need) && put_leaf(p, &leaf_slots[i], e))
            return -1;
    json_put_end(p->out);
    json_put_array(p->out, "kubeconfigs");
    for (size_t i = 0; i < leaf_slot_count; i++)
        if (needed(p, leaf_slots[i].need) && leaf_slots[i].kubeconfig &&
            put_kubeconfig(p, &leaf_slots[i], e))
            return -1;
    json_put_end(p->out);
    return 0;
}

bool plan_has_leaf(const struct cluster *c, const struct machine *m, const char *slot,
                   const char *profile, const char **path)
{
    for (size_t i = 0; i < leaf_slot_count; i++) {
        if (strcmp(leaf_slots[i].slot, slot) != 0 || strcmp(leaf_slots[i].profile, profile) != 0)
            continue;
        *path = leaf_slots[i].path;
        return (layout_needs(c, m) & leaf_slots[i].need) != 0;
    }
    return false;
}

/* ---- the whole ---- */

/* It goes into units, YAML and flags as it is: nothing in it may need quoting there. */
static int prefix_check(const char *prefix, struct err *e)
{
    if (prefix[0] != '/' || strlen(prefix) > 512 || strstr(prefix, "/.."))
        return err_set(e, ERR_INVALID,
                       "prefix '%.64s' must be an absolute path without '..' of at most 512 bytes",
                       prefix);
    for (const char *p = prefix; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@", *p))
            return err_set(e, ERR_INVALID,
                           "prefix '%.64s' holds a character that flags and units cannot: "
                           "letters, digits and /._-+@ only",
                           prefix);
    return 0;
}

static int plan_open(struct plan *p, const struct plan_request *what, struct err *e)
{
    CLEANUP(buf_clear) struct buf prefix = { 0 };

    p->m = cluster_machine(p->c, what->machine);
    if (!p->m)
        return err_set(e, ERR_NOT_FOUND,
                       "cluster '%s' has no machine '%s': 'poterne cluster show %s' lists them",
                       p->c->name, what->machine, p->c->name);
    if (prefix_check(what->prefix, e))
        return -1;
    buf_add_str(&prefix, what->prefix);
    while (prefix.len > 1 && prefix.ptr[prefix.len - 1] == '/')
        prefix.len--;
    p->needs = layout_needs(p->c, p->m);
    for (int i = 0; i < AUTHORITY_ROLES; i++)
        if (authority_load(p->tx, p->c, (enum authority_role)i, &p->authority[i], e))
            return -1;
    return layout_vars(&p->vars, p->c, p->m, buf_str(&prefix), e);
}

int plan_write(struct request *request, struct store_tx *tx, const struct cluster *c,
               const struct plan_request *what, struct json_writer *out, struct err *e)
{
    CLEANUP(plan_clear)
    struct plan p = { .request = request, .tx = tx, .c = c, .layout = what->layout, .out = out };

    if (plan_open(&p, what, e))
        return -1;
    json_put_text(out, "cluster", c->name);
    json_put_text(out, "machine", p.m->name);
    json_put_text(out, "layout", layout_names[what->layout]);
    json_put_text(out, "prefix", template_get(&p.vars, "prefix"));
    json_put_text(out, "address", template_get(&p.vars, "address"));
    json_put_text(out, "local_address", template_get(&p.vars, "local_bind"));
    json_put_int(out, "api_port", strtol(template_get(&p.vars, "port"), NULL, 10));
    json_put_array(out, "files");
    if (put_bundles(&p, e))
        return -1;
    put_configuration(&p);
    json_put_end(out);
    json_put_array(out, "secrets");
    if (needed(&p, NEED_CONTROL_PLANE)) {
        json_put_object(out, NULL);
        json_put_text(out, "path", "pki/sa.key");
        json_put_text(out, "mode", "0600");
        json_put_text(out, "public", "pki/sa.pub");
        json_put_end(out);
    }
    json_put_end(out);
    return put_leaves(&p, e);
}
