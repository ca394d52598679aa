#include "agent/desired.h"

#include "agent/tree.h"
#include "base/alloc.h"
#include "wire/yaml.h"

enum { MAX_SECONDS = 3600 };

void desired_clear(struct desired *d)
{
    json_free(d->doc);
    *d = (struct desired){ .doc = NULL };
}

/* ---- how it is taken up ---- */

static int find_word(const char *const *words, size_t count, const struct json_value *object,
                     const char *key, size_t *ret, struct err *e)
{
    const char *word;

    if (json_want_text(object, key, &word, e))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = i;
            return 0;
        }
    return err_set(e, ERR_REFUSED, "'%s' is '%.40s', which this agent does not know", key, word);
}

static int parse_use(struct use *use, const struct json_value *row, const struct local *local,
                     struct err *e)
{
    static const char *const takes[] = { "live", "restart" };
    static const char *const proofs[] = { "none", "handshake", "start", "peer", "trust" };
    int64_t seconds = json_int(json_get(row, "seconds"), -1);
    int64_t port = json_int(json_get(row, "port"), 0);
    size_t take = 0, proof = 0;
    const char *name;

    if (json_want_text(row, "component", &name, e) ||
        find_word(takes, ARRAY_LEN(takes), row, "take", &take, e) ||
        find_word(proofs, ARRAY_LEN(proofs), row, "confirm", &proof, e))
        return -1;
    use->component = local_component(local, name);
    if (!use->component)
        return err_set(e, ERR_REFUSED, "component '%.64s' is not in this machine's list", name);
    if (seconds < 0 || seconds > MAX_SECONDS)
        return err_set(e, ERR_REFUSED, "'seconds' is not 0 to %d", MAX_SECONDS);
    if (port && (port < 0 || port > 65535 || !local_has_port(use->component, (unsigned)port)))
        return err_set(e, ERR_REFUSED, "port %lld is none of %s in this machine's list",
                       (long long)port, name);
    if (proof == PROOF_HANDSHAKE && !port)
        return err_set(e, ERR_REFUSED, "a handshake needs a port");
    use->take = (enum take)take;
    use->proof = (enum proof)proof;
    use->seconds = (unsigned)seconds;
    use->port = (unsigned)port;
    return 0;
}

static int parse_uses(struct uses *uses, const struct json_value *row, const struct local *local,
                      struct err *e)
{
    const struct json_value *list = json_get(row, "uses");

    if (json_type(list) != JSON_NULL && json_type(list) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "'uses' is not a list");
    if (json_len(list) > DESIRED_MAX_USES)
        return err_set(e, ERR_LIMIT, "'uses' has more than %d", DESIRED_MAX_USES);
    for (size_t i = 0; i < json_len(list); i++)
        if (parse_use(&uses->use[uses->count++], json_at(list, i), local, e))
            return -1;
    return 0;
}

/* ---- paths ---- */

static int want_path(const struct json_value *row, const char *key, const struct local *local,
                     const char **ret, struct err *e)
{
    if (json_want_text(row, key, ret, e) || tree_path_check(*ret, e))
        return -1;
    if (!local_has_path(local, *ret))
        return err_set(e, ERR_REFUSED, "path '%s' is not in this machine's list", *ret);
    return 0;
}

/* No file is written twice by one desired state, under whatever name. */
static int check_new(const struct desired *d, const char *path, struct err *e)
{
    bool taken = desired_file(d, path) != NULL;

    for (size_t i = 0; i < d->leaf_count; i++)
        taken = taken || (d->leaf[i].cert && strcmp(d->leaf[i].cert, path) == 0) ||
                (d->leaf[i].key && strcmp(d->leaf[i].key, path) == 0);
    return taken ? err_set(e, ERR_REFUSED, "path '%s' is wanted twice", path) : 0;
}

static int want_mode(const struct json_value *row, mode_t *mode, struct err *e)
{
    static const struct {
        const char *text;
        mode_t mode;
    } modes[] = { { "0600", 0600 }, { "0640", 0640 }, { "0644", 0644 } };
    const char *text;

    if (json_want_text(row, "mode", &text, e))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(text, modes[i].text) == 0) {
            *mode = modes[i].mode;
            return 0;
        }
    return err_set(e, ERR_REFUSED, "mode '%.8s' is none of 0600, 0640, 0644", text);
}

/* ---- kubeconfigs ---- */

static int only_members(const struct json_value *object, const char *const *known, struct err *e)
{
    if (json_type(object) != JSON_OBJECT || json_only(object, known, e))
        return err_set(
            e, ERR_REFUSED,
            "it says more than who and where: a kubeconfig can name a program to be run");
    return 0;
}

/* client-go runs what `exec` and `auth-provider` say: neither may come from a daemon. */
static int check_kubeconfig(struct slice text, struct err *e)
{
    static const char *const top[] = { "apiVersion",  "kind",  "clusters",
                                       "contexts",    "users", "current-context",
                                       "preferences", NULL };
    static const char *const entry[] = { "name", "user", NULL };
    static const char *const user[] = { "client-certificate", "client-certificate-data",
                                        "client-key", "client-key-data", NULL };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *users;

    if (yaml_parse(&doc, text, NULL, e))
        return -1;
    users = json_get(json_root(doc), "users");
    if (only_members(json_root(doc), top, e))
        return -1;
    if (json_type(users) != JSON_ARRAY)
        return err_set(e, ERR_REFUSED, "it has no users");
    for (size_t i = 0; i < json_len(users); i++)
        if (only_members(json_at(users, i), entry, e) ||
            only_members(json_get(json_at(users, i), "user"), user, e))
            return -1;
    return 0;
}

/* "@CERT@" is no plain YAML scalar: the marks give way to what takes their place. */
static int check_marked(struct slice text, struct err *e)
{
    CLEANUP(buf_clear) struct buf filled = { 0 };

    for (size_t i = 0; i < text.len; i++)
        buf_add_byte(&filled, text.ptr[i] == '@' ? 'A' : text.ptr[i]);
    return check_kubeconfig(buf_slice(&filled), e);
}

/* ---- the rows ---- */

enum row_kind { ROW_FILE, ROW_KUBECONFIG, ROW_SECRET };

static int parse_file(struct desired *d, const struct json_value *row, enum row_kind kind,
                      const struct local *local, struct err *e)
{
    struct wanted_file f = { .path = NULL };
    const char *text = NULL;

    if (want_path(row, "path", local, &f.path, e) || want_mode(row, &f.mode, e) ||
        check_new(d, f.path, e) || parse_uses(&f.uses, row, local, e))
        return f.path ? err_wrap(e, "'%.*s'", TREE_MAX_PATH, f.path) : -1;
    if (kind == ROW_SECRET ? json_want_text(row, "public", &f.public, e)
                           : json_want_text(row, "text", &text, e))
        return err_wrap(e, "'%s'", f.path);
    f.text = json_slice(json_get(row, "text"));
    if (f.text.len > TREE_MAX_FILE / 2)
        return err_set(e, ERR_LIMIT, "'%s' is larger than %d bytes", f.path, TREE_MAX_FILE / 2);
    if (kind == ROW_KUBECONFIG && json_want_text(row, "slot", &f.slot, e))
        return -1;
    if ((kind == ROW_KUBECONFIG || slice_ends(slice_str(f.path), ".conf")) &&
        check_marked(f.text, e))
        return err_wrap(e, "'%s'", f.path);
    d->file[d->file_count++] = f;
    return 0;
}

static int parse_leaf(struct desired *d, const struct json_value *row, const struct local *local,
                      struct err *e)
{
    struct wanted_leaf leaf = { .plan = row };
    int64_t reload = json_int(json_get(row, "reload"), 0);

    if (json_want_text(row, "slot", &leaf.slot, e) ||
        json_want_text(row, "profile", &leaf.profile, e))
        return -1;
    if (json_get(row, "certificate") && (want_path(row, "certificate", local, &leaf.cert, e) ||
                                         want_path(row, "key", local, &leaf.key, e) ||
                                         check_new(d, leaf.cert, e) || check_new(d, leaf.key, e)))
        return err_wrap(e, "'%.64s'", leaf.slot);
    if (leaf.cert && strcmp(leaf.cert, leaf.key) == 0)
        return err_set(e, ERR_REFUSED, "path '%s' is wanted twice", leaf.cert);
    if (reload < 0 || reload > MAX_SECONDS)
        return err_set(e, ERR_REFUSED, "'reload' is not 0 to %d", MAX_SECONDS);
    leaf.reload = (unsigned)reload;
    if (parse_uses(&leaf.uses, row, local, e))
        return err_wrap(e, "'%.64s'", leaf.slot);
    d->leaf[d->leaf_count++] = leaf;
    return 0;
}

static int parse_list(struct desired *d, const char *key, enum row_kind kind,
                      const struct local *local, struct err *e)
{
    const struct json_value *list = json_get(json_root(d->doc), key);

    if (json_type(list) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "'%s' is not a list", key);
    if (d->file_count + json_len(list) > DESIRED_MAX_FILES)
        return err_set(e, ERR_LIMIT, "more than %d files", DESIRED_MAX_FILES);
    for (size_t i = 0; i < json_len(list); i++)
        if (parse_file(d, json_at(list, i), kind, local, e))
            return -1;
    return 0;
}

static int parse_leaves(struct desired *d, const struct local *local, struct err *e)
{
    const struct json_value *list = json_get(json_root(d->doc), "leaves");

    if (json_type(list) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "'leaves' is not a list");
    if (json_len(list) > DESIRED_MAX_LEAVES)
        return err_set(e, ERR_LIMIT, "more than %d leaves", DESIRED_MAX_LEAVES);
    for (size_t i = 0; i < json_len(list); i++)
        if (parse_leaf(d, json_at(list, i), local, e))
            return -1;
    return 0;
}

static int check_head(const struct desired *d, const struct local *local, struct err *e)
{
    const struct json_value *root = json_root(d->doc);
    int64_t protocol = json_int(json_get(root, "protocol"), 0);

    if (protocol != DESIRED_PROTOCOL)
        return err_set(e, ERR_REFUSED,
                       "the daemon speaks protocol %lld, this agent %d: bring the older one up to "
                       "date",
                       (long long)protocol, DESIRED_PROTOCOL);
    if (!slice_eq_str(json_slice(json_get(root, "cluster")), local->cluster) ||
        !slice_eq_str(json_slice(json_get(root, "machine")), local->machine))
        return err_set(e, ERR_REFUSED, "the desired state is for another machine");
    return 0;
}

/* A kubeconfig is about a leaf, and a leaf without files is in one. */
static int check_pairs(const struct desired *d, struct err *e)
{
    for (size_t i = 0; i < d->leaf_count; i++)
        if (!d->leaf[i].cert && !desired_kubeconfig(d, d->leaf[i].slot))
            return err_set(e, ERR_INVALID, "leaf '%.64s' has no place", d->leaf[i].slot);
    for (size_t i = 0; i < d->file_count; i++) {
        bool found = !d->file[i].slot;

        for (size_t k = 0; !found && k < d->leaf_count; k++)
            found = strcmp(d->leaf[k].slot, d->file[i].slot) == 0;
        if (!found)
            return err_set(e, ERR_INVALID, "kubeconfig '%s' has no leaf", d->file[i].path);
        if (d->file[i].public && !desired_file(d, d->file[i].public))
            return err_set(e, ERR_INVALID, "'%s' has no public key", d->file[i].path);
    }
    return 0;
}

int desired_parse(struct desired *ret, struct slice text, const struct local *local, struct err *e)
{
    struct desired *d = xcalloc(1, sizeof *d);
    int rc = json_parse(&d->doc, text, &(struct json_limits){ .bytes = 8 << 20, .depth = 16 }, e);

    if (!rc)
        rc = check_head(d, local, e) || parse_list(d, "files", ROW_FILE, local, e) ||
                     parse_list(d, "secrets", ROW_SECRET, local, e) || parse_leaves(d, local, e) ||
                     parse_list(d, "kubeconfigs", ROW_KUBECONFIG, local, e) || check_pairs(d, e)
                 ? -1
                 : 0;
    if (rc) {
        desired_clear(d);
        free(d);
        return err_wrap(e, "desired state");
    }
    d->cordoned = json_bool(json_get(json_root(d->doc), "cordoned"), false);
    d->renew = json_int(json_get(json_root(d->doc), "renew"), 0);
    *ret = *d;
    free(d);
    return 0;
}

const struct wanted_file *desired_file(const struct desired *d, const char *path)
{
    for (size_t i = 0; i < d->file_count; i++)
        if (strcmp(d->file[i].path, path) == 0)
            return &d->file[i];
    return NULL;
}

const struct wanted_file *desired_kubeconfig(const struct desired *d, const char *slot)
{
    for (size_t i = 0; i < d->file_count; i++)
        if (d->file[i].slot && strcmp(d->file[i].slot, slot) == 0)
            return &d->file[i];
    return NULL;
}
