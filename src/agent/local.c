#include "agent/local.h"

#include "agent/tree.h"
#include "wire/yaml.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */
const struct known_component known_components[] = {
    { "etcd",                    true,  { 2379, 2380 }, false, NULL },
    { "kube-apiserver",          true,  { 1 },          false, "/readyz" },
    { "kube-controller-manager", true,  { 10257 },      true,  "/healthz" },
    { "kube-scheduler",          true,  { 10259 },      true,  "/healthz" },
    { "kubelet",                 false, { 10250 },      false, NULL },
};
/* clang-format on */
const size_t known_component_count = ARRAY_LEN(known_components);

static const char *const run_names[] = { "none", "systemd", "static-pod", "command" };

const char *run_kind_name(enum run_kind kind)
{
    return run_names[kind];
}

/* ---- reading ---- */

void local_clear(struct local *l)
{
    json_free(l->doc);
    *l = (struct local){ .doc = NULL };
}

static int want_list(const struct json_value *object, const char *key, size_t most,
                     const struct json_value **list, struct err *e)
{
    *list = json_get(object, key);
    if (json_type(*list) != JSON_NULL && json_type(*list) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "'%s' is not a list", key);
    if (json_len(*list) > most)
        return err_set(e, ERR_LIMIT, "'%s' has more than %zu", key, most);
    return 0;
}

/* An absolute program and its arguments. */
static int read_argv(const char **argv, const struct json_value *object, const char *key,
                     struct err *e)
{
    const struct json_value *list;

    if (want_list(object, key, LOCAL_MAX_ARGS, &list, e))
        return -1;
    for (size_t i = 0; i < json_len(list); i++) {
        argv[i] = json_text(json_at(list, i));
        if (!argv[i] || (i == 0 && argv[i][0] != '/'))
            return err_set(e, ERR_INVALID,
                           "'%s' is a list of texts, an absolute path first: it is run without a "
                           "shell",
                           key);
    }
    return 0;
}

static int read_ports(struct local_component *c, const struct json_value *row, struct err *e)
{
    const struct json_value *list;

    if (want_list(row, "ports", LOCAL_MAX_PORTS, &list, e))
        return -1;
    for (size_t i = 0; i < json_len(list); i++) {
        int64_t port = json_int(json_at(list, i), 0);

        if (port < 1 || port > 65535)
            return err_set(e, ERR_INVALID, "'ports' are numbers from 1 to 65535");
        c->port[c->port_count++] = (unsigned)port;
    }
    return 0;
}

static int read_run(struct local_component *c, const struct json_value *row, struct err *e)
{
    const char *run;

    if (json_want_text(row, "run", &run, e))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(run_names); i++)
        if (strcmp(run, run_names[i]) == 0) {
            c->run = (enum run_kind)i;
            if (c->run == RUN_SYSTEMD)
                return json_want_text(row, "unit", &c->unit, e);
            if (c->run == RUN_STATIC_POD)
                return json_want_text(row, "manifest", &c->manifest, e);
            if (c->run == RUN_COMMAND && !c->command[0])
                return err_set(e, ERR_INVALID, "'command' is missing");
            return 0;
        }
    return err_set(e, ERR_INVALID, "'run' is none, systemd, static-pod or command");
}

static int read_component(struct local_component *c, const struct json_value *row, struct err *e)
{
    static const char *const known[] = { "name",    "control_plane", "run",   "unit",    "manifest",
                                         "command", "process",       "match", "address", "ports",
                                         "health",  "patience",      "ready", "ca",      NULL };
    int64_t patience = json_int(json_get(row, "patience"), 120);

    if (json_only(row, known, e) || json_want_text(row, "name", &c->name, e) ||
        read_argv(c->command, row, "command", e) || read_argv(c->health, row, "health", e) ||
        read_ports(c, row, e) || read_run(c, row, e))
        return -1;
    if (patience < 1 || patience > 3600)
        return err_set(e, ERR_INVALID, "'patience' is 1 to 3600 seconds");
    c->patience = (unsigned)patience;
    c->control_plane = json_bool(json_get(row, "control_plane"), false);
    c->process = json_text(json_get(row, "process"));
    c->match = json_text(json_get(row, "match"));
    c->address = json_text(json_get(row, "address"));
    c->ready = json_text(json_get(row, "ready"));
    c->ca = json_text(json_get(row, "ca"));
    if (c->ready && (c->ready[0] != '/' || !c->ca || c->ca[0] != '/' || !c->port_count))
        return err_set(e, ERR_INVALID,
                       "'ready' is a path like /readyz, on the first of 'ports', with the file of "
                       "its authority in 'ca'");
    if (!c->process)
        c->process = c->name;
    if (!c->match)
        c->match = "";
    if (!c->address)
        c->address = "127.0.0.1";
    return 0;
}

static int read_lists(struct local *l, struct err *e)
{
    const struct json_value *root = json_root(l->doc), *paths, *components;

    if (want_list(root, "paths", LOCAL_MAX_PATHS, &paths, e) ||
        want_list(root, "components", LOCAL_MAX_COMPONENTS, &components, e))
        return -1;
    for (size_t i = 0; i < json_len(paths); i++) {
        l->path[l->path_count] = json_text(json_at(paths, i));
        if (!l->path[l->path_count++])
            return err_set(e, ERR_INVALID, "'paths' is a list of texts");
    }
    for (size_t i = 0; i < json_len(components); i++) {
        struct local_component *c = &l->component[l->component_count++];

        if (read_component(c, json_at(components, i), e))
            return err_wrap(e, "component %zu", i + 1);
    }
    return 0;
}

static int read_local(struct local *l, struct err *e)
{
    static const char *const known[] = { "version", "cluster", "machine", "server",
                                         "root",    "layout",  "paths",   "components",
                                         "before",  "after",   NULL };
    const struct json_value *root = json_root(l->doc);

    if (json_type(root) != JSON_OBJECT || json_int(json_get(root, "version"), 0) != 1)
        return err_set(e, ERR_INVALID, "it does not begin with 'version: 1'");
    if (json_only(root, known, e) || json_want_text(root, "cluster", &l->cluster, e) ||
        json_want_text(root, "machine", &l->machine, e) ||
        json_want_text(root, "server", &l->server, e) ||
        json_want_text(root, "root", &l->root, e) ||
        json_want_text(root, "layout", &l->layout, e) || read_lists(l, e) ||
        read_argv(l->before, root, "before", e) || read_argv(l->after, root, "after", e))
        return -1;
    if (l->root[0] != '/')
        return err_set(e, ERR_INVALID, "'root' is an absolute path");
    return 0;
}

int local_parse(struct local *ret, struct slice yaml, struct err *e)
{
    struct local l = { .doc = NULL };

    if (yaml_parse(&l.doc, yaml, NULL, e) || read_local(&l, e)) {
        local_clear(&l);
        return err_wrap(e, "'%s'", LOCAL_FILE);
    }
    *ret = l;
    return 0;
}

int local_load(struct local *ret, int home, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct stat st;

    if (fstatat(home, LOCAL_FILE, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? err_set(e, ERR_NOT_FOUND,
                                         "there is no '%s': this machine has not joined ('poterne "
                                         "agent join')",
                                         LOCAL_FILE)
                               : err_errno(e, "look at '%s'", LOCAL_FILE);
    if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
        return err_set(e, ERR_REFUSED,
                       "'%s' says what this agent may do: it must be root's, and writable by root "
                       "alone",
                       LOCAL_FILE);
    if (home_read(home, LOCAL_FILE, &text, e))
        return -1;
    return local_parse(ret, buf_slice(&text), e);
}

/* ---- asking ---- */

const struct local_component *local_component(const struct local *l, const char *name)
{
    for (size_t i = 0; i < l->component_count; i++)
        if (strcmp(l->component[i].name, name) == 0)
            return &l->component[i];
    return NULL;
}

bool local_has_path(const struct local *l, const char *path)
{
    for (size_t i = 0; i < l->path_count; i++) {
        size_t len = strlen(l->path[i]);

        if (len && l->path[i][len - 1] == '/' ? strncmp(path, l->path[i], len) == 0
                                              : strcmp(path, l->path[i]) == 0)
            return true;
    }
    return false;
}

bool local_has_port(const struct local_component *c, unsigned port)
{
    for (size_t i = 0; i < c->port_count; i++)
        if (c->port[i] == port)
            return true;
    return false;
}

/* ---- the first one ---- */

static bool has_role(const struct json_value *reply, const char *role)
{
    struct json_iter it = json_iter(json_get(reply, "roles"));
    const struct json_value *value;
    const char *key;

    while (json_next(&it, &key, &value))
        if (slice_eq_str(json_slice(value), role))
            return true;
    return false;
}

static bool is_here(const struct known_component *known, const struct json_value *reply)
{
    bool control_plane = has_role(reply, "control-plane");

    if (strcmp(known->name, "etcd") == 0)
        return json_bool(json_get(reply, "etcd"), false);
    if (strcmp(known->name, "kubelet") == 0)
        return control_plane || has_role(reply, "worker");
    return control_plane;
}

/* Only an address, so that nothing else can be written where one is expected. */
static int want_address(const struct json_value *reply, const char *key, const char **ret,
                        struct err *e)
{
    uint8_t bytes[16];

    if (json_want_text(reply, key, ret, e))
        return -1;
    if (inet_pton(AF_INET, *ret, bytes) != 1 && inet_pton(AF_INET6, *ret, bytes) != 1)
        return err_set(e, ERR_INVALID, "'%s' is not an address", key);
    return 0;
}

static void put_run(struct json_writer *w, const struct known_component *known,
                    const struct local_seed *seed)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s.yaml", seed->manifests, known->name);
    if (access(path, F_OK) == 0) {
        json_put_text(w, "run", run_names[RUN_STATIC_POD]);
        json_put_text(w, "manifest", path);
        return;
    }
    (void)snprintf(path, sizeof path, "%s.service", known->name);
    json_put_text(w, "run", run_names[RUN_SYSTEMD]);
    json_put_text(w, "unit", path);
}

static int put_component(struct json_writer *w, const struct known_component *known,
                         const struct local_seed *seed, struct err *e)
{
    int64_t api_port = json_int(json_get(seed->reply, "api_port"), 0);
    const char *address;

    if (want_address(seed->reply, known->loopback ? "local_address" : "address", &address, e))
        return -1;
    if (api_port < 1 || api_port > 65535)
        return err_set(e, ERR_INVALID, "'api_port' is not a port");
    json_put_object(w, NULL);
    json_put_text(w, "name", known->name);
    json_put_bool(w, "control_plane", known->control_plane);
    put_run(w, known, seed);
    json_put_text(w, "process", known->name);
    json_put_text(w, "address", address);
    json_put_array(w, "ports");
    for (size_t i = 0; i < LOCAL_MAX_PORTS && known->port[i]; i++)
        json_put_int(w, NULL, known->port[i] == 1 ? api_port : (int64_t)known->port[i]);
    json_put_end(w);
    if (known->ready) {
        char ca[512];

        (void)snprintf(ca, sizeof ca, "%s/pki/ca.crt", seed->root);
        json_put_text(w, "ready", known->ready);
        json_put_text(w, "ca", ca);
    }
    json_put_end(w);
    return 0;
}

static void put_paths(struct json_writer *w)
{
    static const char *const paths[] = {
        "pki/",           "admin.conf",  "super-admin.conf", "controller-manager.conf",
        "scheduler.conf", "kubelet.conf"
    };

    json_put_array(w, "paths");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        json_put_text(w, NULL, paths[i]);
    json_put_end(w);
}

static int write_seed(struct json_writer *w, const struct local_seed *seed, struct err *e)
{
    const char *cluster, *machine, *layout;

    if (json_want_text(seed->reply, "cluster", &cluster, e) ||
        json_want_text(seed->reply, "machine", &machine, e) ||
        json_want_text(seed->reply, "layout", &layout, e))
        return -1;
    json_put_object(w, NULL);
    json_put_int(w, "version", 1);
    json_put_text(w, "cluster", cluster);
    json_put_text(w, "machine", machine);
    json_put_text(w, "server", seed->server);
    json_put_text(w, "root", seed->root);
    json_put_text(w, "layout", layout);
    put_paths(w);
    json_put_array(w, "components");
    for (size_t i = 0; i < known_component_count; i++)
        if (is_here(&known_components[i], seed->reply) &&
            put_component(w, &known_components[i], seed, e))
            return -1;
    json_put_end(w);
    json_put_end(w);
    return 0;
}

int local_write(struct buf *yaml, const struct local_seed *seed, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;

    json_writer_init(&w, &text, false);
    if (write_seed(&w, seed, e) || json_parse(&doc, buf_slice(&text), NULL, e))
        return err_wrap(e, "the daemon's answer");
    buf_add_str(yaml, "# What the agent may touch on this machine. The daemon chooses from this "
                      "list and cannot add\n# to it; change it by hand. 'run' is systemd, "
                      "static-pod, command or none.\n");
    yaml_write(yaml, json_root(doc));
    return buf_check(yaml, e);
}
