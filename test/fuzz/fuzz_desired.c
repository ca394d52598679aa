#include "agent/desired.h"
#include "agent/tree.h"
#include <assert.h>

/*
 * What a daemon says it wants on a machine. Whatever is taken names only paths of the machine's
 * list, plain and each once, and components and ports of that list.
 */
static const char list[] =
    "version: 1\ncluster: demo\nmachine: cp1\nserver: https://h:1\nroot: /r\n"
    "layout: systemd\npaths: [pki/, kubelet.conf]\ncomponents:\n"
    "- {name: kubelet, run: none, ports: [10250]}\n";

static void check_path(const struct local *local, const char *path)
{
    assert(path[0] && path[0] != '/' && !strstr(path, "..") && !strstr(path, "//"));
    assert(tree_path_check(path, NULL) == 0 && local_has_path(local, path));
}

static void check_uses(const struct local *local, const struct uses *uses)
{
    for (size_t i = 0; i < uses->count; i++) {
        assert(uses->use[i].component == &local->component[0]);
        assert(uses->use[i].port == 0 || uses->use[i].port == 10250);
        assert(uses->use[i].seconds <= 3600);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct local local;
    static struct desired d;
    struct err e = { 0 };

    if (!local.doc)
        assert(local_parse(&local, slice_str(list), NULL) == 0);
    if (desired_parse(&d, slice_of(data, len), &local, &e)) {
        assert(e.code == ERR_INVALID || e.code == ERR_REFUSED || e.code == ERR_LIMIT);
        assert(e.msg[0]);
        return 0;
    }
    for (size_t i = 0; i < d.file_count; i++) {
        check_path(&local, d.file[i].path);
        check_uses(&local, &d.file[i].uses);
        assert((d.file[i].mode & ~(mode_t)0644) == 0 || d.file[i].mode == 0640);
        for (size_t k = 0; k < i; k++)
            assert(strcmp(d.file[i].path, d.file[k].path) != 0);
    }
    for (size_t i = 0; i < d.leaf_count; i++) {
        check_uses(&local, &d.leaf[i].uses);
        if (!d.leaf[i].cert)
            continue;
        check_path(&local, d.leaf[i].cert);
        check_path(&local, d.leaf[i].key);
        assert(!desired_file(&d, d.leaf[i].cert) && !desired_file(&d, d.leaf[i].key));
    }
    desired_clear(&d);
    return 0;
}
