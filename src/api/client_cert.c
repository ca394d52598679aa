#include "api/client.h"
#include "api/client_files.h"
#include "crypto/pem.h"
#include "store/file.h"
#include <unistd.h>

/*
 * Requests and certificates in files: `cert sign`, `authority cert`.
 */
enum { MAX_CSR_FILE = 64 << 10, MAX_CERT_FILE = 1 << 20 };

/* ---- the request ---- */

/* PEM or DER, under the name of RFC 7468 or the older one; as PEM. */
static int read_csr(const char *path, struct buf *pem, struct err *e)
{
    bool is_stdin = strcmp(path, "-") == 0;
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };

    if (is_stdin ? file_read_fd(&bytes, STDIN_FILENO, "stdin", MAX_CSR_FILE, e)
                 : file_read(&bytes, path, MAX_CSR_FILE, e))
        return -1;
    if (pem_or_der(&der, buf_slice(&bytes), "NEW CERTIFICATE REQUEST", NULL)) {
        buf_reset(&der);
        if (pem_or_der(&der, buf_slice(&bytes), "CERTIFICATE REQUEST", e))
            return err_wrap(e, "'%s'", is_stdin ? "stdin" : path);
    }
    pem_write(pem, "CERTIFICATE REQUEST", buf_slice(&der));
    return buf_check(pem, e);
}

/* ---- the certificate ---- */

static int check_file(const char *out, bool force, struct err *e)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };

    if (force || access(out, F_OK))
        return 0;
    if (file_read(&bytes, out, MAX_CERT_FILE, e))
        return -1;
    if (bytes.len == 0 || pem_or_der(&der, buf_slice(&bytes), "CERTIFICATE", NULL) == 0)
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "'%s' holds something else than one certificate: move it away, or replace it "
                   "with --force",
                   out);
}

static void write_order(const struct json_value *args, struct slice csr, struct buf *body)
{
    static const char *const members[] = { "profile", "ttl", "machine", "privileged" };
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (json_get(args, members[i]))
            json_put_value(&w, members[i], json_get(args, members[i]));
    json_put_slice(&w, "csr", csr);
    json_put_end(&w);
}

static int deliver(const struct json_value *cert, const char *out, struct json_writer *reply,
                   struct client_result *result, struct err *e)
{
    struct slice pem = json_slice(json_get(cert, "certificate"));

    if (!out) {
        buf_add_slice(&result->stdout_text, pem);
        return buf_check(&result->stdout_text, e);
    }
    if (file_replace(out, pem, 0644, e))
        return -1;
    client_put_answer(reply, cert);
    json_put_text(reply, "out", out);
    return 0;
}

int client_cert_sign(struct client *client, const struct json_value *args,
                     struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(json_freep) struct json *cert = NULL;
    const char *out, *cluster, *file;

    if (json_want_text(args, "cluster", &cluster, e) || json_want_text(args, "csr", &file, e) ||
        out_file(args, &out, e) || read_csr(file, &csr, e) ||
        (out && check_file(out, json_bool(json_get(args, "force"), false), e)))
        return -1;
    write_order(args, buf_slice(&csr), &body);
    client_path(&path, "/v1/clusters/@/certificates", &cluster);
    if (client_call(client, HTTP_POST, buf_str(&path), buf_slice(&body), &cert, e))
        return -1;
    return deliver(json_root(cert), out, reply, result, e);
}

/* ---- authority cert ---- */

int client_authority_cert(struct client *client, const struct json_value *args,
                          struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(json_freep) struct json *authority = NULL;
    const char *segments[2];
    bool bundle = json_bool(json_get(args, "bundle"), false);

    (void)reply;
    if (json_want_text(args, "cluster", &segments[0], e) ||
        json_want_text(args, "authority", &segments[1], e))
        return -1;
    client_path(&path, "/v1/clusters/@/authorities/@", segments);
    if (client_call(client, HTTP_GET, buf_str(&path), slice_of(NULL, 0), &authority, e))
        return -1;
    buf_add_slice(&result->stdout_text,
                  json_slice(json_get(json_root(authority), bundle ? "bundle" : "certificate")));
    return buf_check(&result->stdout_text, e);
}
