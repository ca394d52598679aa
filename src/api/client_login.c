#include "api/client_login.h"

#include "base/clock.h"
#include "base/secret.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include "store/file.h"
#include <fcntl.h>
#include <unistd.h>

enum { MAX_CODE = 256, MAX_PEM = 256 << 10 };

/* ---- what a certificate says ---- */

/* The first certificate: the chain, or the key, stands behind it. */
static int first_certificate(struct pem_block *block, struct slice pem, struct err *e)
{
    int rc;

    while ((rc = pem_next(&pem, block, e)) == 1)
        if (slice_eq_str(block->label, "CERTIFICATE"))
            return 0;
    return rc < 0 ? -1 : err_set(e, ERR_INVALID, "there is no certificate in it");
}

static int view_of(struct identity_view *view, struct slice pem, struct key **key, struct err *e)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    struct x509_cert cert;
    struct san_iter it;
    struct san san;

    *view = (struct identity_view){ 0 };
    if (first_certificate(&block, pem, e) || x509_cert_read(&cert, buf_slice(&block.der), e))
        return -1;
    if (key && key_read_public(key, cert.spki, e))
        return -1;
    view->not_before = cert.not_before;
    view->not_after = cert.not_after;
    it = san_iter(&cert.ext);
    while (san_next(&it, &san))
        if (san.type == SAN_URI && san.value.len < sizeof view->uri)
            (void)snprintf(view->uri, sizeof view->uri, SLICE_FMT, SLICE_ARG(san.value));
    return 0;
}

int identity_view_read(struct identity_view *view, const char *path, struct err *e)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };

    return file_read(&pem, path, MAX_PEM, e) ? -1 : view_of(view, buf_slice(&pem), NULL, e);
}

/* ---- a new key, and what the server makes of it ---- */

struct login {
    struct key *key;
    struct buf body, pair;
    struct json *reply;
    struct identity_view view;
};

static void login_clear(struct login *l)
{
    key_free(l->key);
    buf_clear(&l->body);
    buf_clear(&l->pair);
    json_free(l->reply);
}

/* The names are the server's to give: the CSR proves the key, and its subject is empty. */
static int put_request(struct login *l, struct slice code, struct err *e)
{
    static const uint8_t nobody[] = { 0x30, 0x00 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(buf_clear) struct buf csr = { 0 };
    struct json_writer w;

    if (key_generate(&l->key, KEY_P256, e) ||
        x509_csr_write(&der, l->key, slice_of(nobody, sizeof nobody), NULL, 0, e))
        return -1;
    pem_write(&csr, "CERTIFICATE REQUEST", buf_slice(&der));
    json_writer_init(&w, &l->body, false);
    json_put_object(&w, NULL);
    if (code.len)
        json_put_slice(&w, "code", code);
    json_put_slice(&w, "csr", buf_slice(&csr));
    json_put_end(&w);
    return buf_check(&l->body, e);
}

/* Certificate and key in one text; a certificate of another key is no answer. */
static int take_reply(struct login *l, struct err *e)
{
    const struct json_value *root = json_root(l->reply);
    CLEANUP(key_freep) struct key *certified = NULL;
    CLEANUP(buf_clear) struct buf key = { 0 };
    const char *certificate, *ca;

    if (json_want_text(root, "certificate", &certificate, e) ||
        json_want_text(root, "ca", &ca, e) ||
        view_of(&l->view, slice_str(certificate), &certified, e))
        return err_wrap(e, "the reply to the login");
    if (!key_same_public(l->key, certified))
        return err_set(e, ERR_REFUSED, "the server certified another key than ours");
    if (key_write_private_pem(l->key, &key, e))
        return -1;
    buf_add_str(&l->pair, certificate);
    buf_add_slice(&l->pair, buf_slice(&key));
    return buf_check(&l->pair, e);
}

static int keep_files(const struct contexts *c, const struct context *one, const struct login *l,
                      struct err *e)
{
    CLEANUP(freep) char *folder = context_file(c, one, "");
    CLEANUP(freep) char *pair = context_file(c, one, LOGIN_PAIR);
    CLEANUP(freep) char *ca = context_file(c, one, LOGIN_CA);
    const struct file_item items[] = {
        { ca, json_slice(json_get(json_root(l->reply), "ca")), 0600 },
        { pair, buf_slice(&l->pair), 0600 },
    };

    folder[strlen(folder) - 1] = '\0';
    if (file_make_folders(folder, 0700, e))
        return -1;
    return file_replace_all(items, ARRAY_LEN(items), e);
}

/* ---- the code ---- */

static int read_line(int fd, struct secret *code, struct err *e)
{
    char text[MAX_CODE];
    size_t len = 0;
    int rc;

    while (len < sizeof text && read(fd, text + len, 1) == 1 && text[len] != '\n')
        len++;
    while (len && (text[len - 1] == '\r' || text[len - 1] == ' '))
        len--;
    if (len == 0 || len == sizeof text)
        rc = err_set(e, ERR_INVALID, len ? "this is too long for a code" : "there is no code");
    else
        rc = secret_copy(code, slice_of(text, len), e);
    explicit_bzero(text, sizeof text);
    return rc;
}

/* From a file ("-": stdin), from stdin when it is no terminal, or from whoever sits there. */
static int read_code(const char *file, struct secret *code, struct err *e)
{
    static const char prompt[] = "Code (as 'poterne operator invite' printed it): ";
    bool here = file ? strcmp(file, "-") == 0 : !isatty(STDIN_FILENO);
    CLEANUP(fd_closep) int fd = -1;

    if (here)
        return read_line(STDIN_FILENO, code, e);
    fd = open(file ? file : "/dev/tty", (file ? O_RDONLY : O_RDWR) | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "read the code from '%s'", file ? file : "/dev/tty");
    if (!file && write(fd, prompt, sizeof prompt - 1) < 0)
        return err_errno(e, "ask for the code");
    return read_line(fd, code, e);
}

/* ---- login ---- */

struct arguments {
    const char *server, *pin, *ca, *name, *code_file;
    char host[256];
};

static int read_arguments(struct arguments *a, const struct json_value *args, struct err *e)
{
    struct slice rest, host;

    *a = (struct arguments){ .server = json_text(json_get(args, "server")),
                             .pin = json_text(json_get(args, "ca_hash")),
                             .ca = json_text(json_get(args, "ca")),
                             .name = json_text(json_get(args, "name")),
                             .code_file = json_text(json_get(args, "code_file")) };
    if (!a->pin && !a->ca)
        return err_set(e, ERR_INVALID,
                       "without --ca-hash or --ca nobody can tell whether it is that server, and "
                       "the code would go to whoever answers: 'poterne operator invite' prints it");
    if (a->name)
        return 0;
    rest = slice_str(a->server);
    if (slice_starts(rest, "https://"))
        rest = slice_of(rest.ptr + 8, rest.len - 8);
    host = rest;
    if (!slice_starts(rest, "["))
        (void)slice_cut(&rest, ':', &host);
    (void)snprintf(a->host, sizeof a->host, SLICE_FMT, SLICE_ARG(host));
    a->name = a->host;
    return 0;
}

static int post(struct net_client *net, const char *path, struct login *l, struct err *e)
{
    CLEANUP(net_answer_clear) struct net_answer answer = { 0 };
    struct net_request request = { .method = HTTP_POST,
                                   .target = path,
                                   .body = buf_slice(&l->body) };

    if (net_client_send(net, &request, &answer, e))
        return -1;
    return client_read_answer(&l->reply, &answer, net_client_name(net), e);
}

static int redeem(const struct arguments *a, struct login *l, struct err *e)
{
    CLEANUP(net_client_closep) struct net_client *net = NULL;
    CLEANUP(secret_clear) struct secret code = { 0 };
    struct net_client_options options = { .url = a->server, .ca = a->ca, .pin = a->pin };

    if (net_client_open(&net, &options, e) || read_code(a->code_file, &code, e) ||
        put_request(l, secret_slice(&code), e) || post(net, "/v1/login", l, e))
        return -1;
    return take_reply(l, e);
}

static int keep(const struct arguments *a, struct contexts *c, const struct login *l,
                struct json_writer *reply, struct err *e)
{
    CLEANUP(buf_clear) struct buf file = { 0 };
    struct context *one;

    if (contexts_put(c, a->name, &one, e) || keep_files(c, one, l, e))
        return -1;
    context_set(&one->server, a->server);
    buf_addf(&file, "%s/" LOGIN_CA, one->name);
    context_set(&one->ca, buf_str(&file));
    buf_reset(&file);
    buf_addf(&file, "%s/" LOGIN_PAIR, one->name);
    context_set(&one->certificate, buf_str(&file));
    context_set(&one->key, buf_str(&file));
    context_set(&c->current, one->name);
    if (contexts_write(c, e))
        return -1;
    json_put_text(reply, "context", one->name);
    json_put_text(reply, "server", one->server);
    json_put_value(reply, "operator", json_get(json_root(l->reply), "operator"));
    json_put_text(reply, "identity", l->view.uri);
    json_put_time(reply, "expires", l->view.not_after);
    return 0;
}

int client_login(struct client *client, const struct json_value *args, struct json_writer *reply,
                 struct client_result *result, struct err *e)
{
    CLEANUP(contexts_clear) struct contexts c = { 0 };
    CLEANUP(login_clear) struct login l = { 0 };
    struct arguments a;
    struct context *there;

    (void)client;
    (void)result;
    if (read_arguments(&a, args, e) || client_contexts(&c, e))
        return -1;
    there = contexts_find(&c, a.name);
    if (there && strcmp(there->server, a.server) != 0)
        return err_set(e, ERR_CONFLICT,
                       "the context '%s' is for %s: give this one another name with --name", a.name,
                       there->server);
    /* a code that is redeemed is gone: what can fail for other reasons fails before */
    if (!there && context_name_check(a.name, e))
        return -1;
    if (redeem(&a, &l, e))
        return -1;
    return keep(&a, &c, &l, reply, e);
}

/* ---- renewal ---- */

static int renew(const struct contexts *c, const struct context *one, struct err *e)
{
    CLEANUP(context_target_clear) struct context_target target = { 0 };
    CLEANUP(net_client_closep) struct net_client *net = NULL;
    CLEANUP(login_clear) struct login l = { 0 };

    context_target_init(&target, c, one);
    if (net_client_open(&net, &target.options, e) || put_request(&l, slice_of(NULL, 0), e) ||
        post(net, "/v1/login/renewal", &l, e) || take_reply(&l, e))
        return -1;
    return keep_files(c, one, &l, e);
}

int client_login_renew(struct client *client, const struct contexts *contexts,
                       const struct context *context, int64_t now, struct err *e)
{
    CLEANUP(freep) char *file = context_path(contexts, context->certificate);
    CLEANUP(freep) char *ours = context_file(contexts, context, LOGIN_PAIR);
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct identity_view view;
    struct err why = { 0 };

    if (!file || strcmp(file, ours) != 0) /* a certificate that somebody else cares for */
        return 0;
    if (identity_view_read(&view, file, e))
        return err_wrap(e, "context '%s'", context->name);
    if (now < view.not_after - (view.not_after - view.not_before) / 2)
        return 0;
    time_format(&text, view.not_after);
    if (now >= view.not_after)
        return err_set(e, ERR_REFUSED,
                       "your certificate of context '%s' ended at %s: ask an owner for 'poterne "
                       "operator invite', then 'poterne login' again",
                       context->name, buf_str(&text));
    if (renew(contexts, context, &why) == 0 || !client->warn)
        return 0;
    buf_reset(&text);
    buf_addf(&text, "your certificate of context '%s' could not be renewed: %s", context->name,
             err_text(&why));
    client->warn(buf_str(&text), client->ctx);
    return 0;
}
