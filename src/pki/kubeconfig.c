#include "pki/kubeconfig.h"

#include "base/encode.h"

/* JSON strings are YAML strings, whatever they hold: names come from the user. */
static void put_quoted(struct buf *yaml, const char *text)
{
    buf_add_byte(yaml, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_byte(yaml, '\\');
        buf_add_byte(yaml, (uint8_t)*text);
    }
    buf_add_str(yaml, "\"\n");
}

static void put_text(struct buf *yaml, const char *key, const char *text)
{
    buf_addf(yaml, "%s: ", key);
    put_quoted(yaml, text);
}

/* One of: PEM embedded as base64, a path, a plan's mark. */
static void put_source(struct buf *yaml, const char *key, struct slice pem, const char *file,
                       const char *mark)
{
    if (file) {
        buf_addf(yaml, "    %s: ", key);
        put_quoted(yaml, file);
        return;
    }
    buf_addf(yaml, "    %s-data: ", key);
    if (mark)
        buf_add_str(yaml, mark);
    else
        base64_encode(yaml, pem);
    buf_add_byte(yaml, '\n');
}

static void put_exec(struct buf *yaml, const char *const *argv)
{
    buf_add_str(yaml, "    exec:\n"
                      "      apiVersion: client.authentication.k8s.io/v1\n"
                      "      interactiveMode: Never\n"
                      "      provideClusterInfo: false\n");
    put_text(yaml, "      command", argv[0]);
    buf_add_str(yaml, "      args:\n");
    for (size_t i = 1; argv[i]; i++) {
        buf_add_str(yaml, "      - ");
        put_quoted(yaml, argv[i]);
    }
}

static void put_user(struct buf *yaml, const struct kubeconfig *k)
{
    if (k->exec) {
        put_exec(yaml, k->exec);
        return;
    }
    put_source(yaml, "client-certificate", k->cert, k->cert_file, k->cert_text);
    put_source(yaml, "client-key", k->key, k->key_file, k->key_text);
}

void kubeconfig_write(struct buf *yaml, const struct kubeconfig *k)
{
    CLEANUP(buf_clear) struct buf context = { 0 };

    buf_addf(&context, "%s@%s", k->user, k->cluster);
    buf_add_str(yaml, "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n");
    put_source(yaml, "certificate-authority", k->ca, k->ca_file, NULL);
    put_text(yaml, "    server", k->server);
    put_text(yaml, "  name", k->cluster);
    buf_add_str(yaml, "contexts:\n- context:\n");
    put_text(yaml, "    cluster", k->cluster);
    put_text(yaml, "    user", k->user);
    put_text(yaml, "  name", buf_str(&context));
    put_text(yaml, "current-context", buf_str(&context));
    buf_add_str(yaml, "users:\n- user:\n");
    put_user(yaml, k);
    put_text(yaml, "  name", k->user);
}
