#include "agent/identity.h"

#include "base/clock.h"
#include "crypto/name.h"
#include "crypto/pem.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT_KEY "agent.key.next"

static void subject_of(struct buf *out)
{
    size_t mark = name_begin(out);

    name_add(out, NAME_CN, slice_str("poterne agent")); /* who it is the daemon says, in the SAN */
    name_end(out, mark);
}

static int load_or_make(int home, const char *name, struct key **ret, struct err *e)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };
    struct err why = { 0 };

    if (!home_read(home, name, &pem, &why))
        return key_read_private(ret, buf_slice(&pem), e);
    if (why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);

    CLEANUP(key_freep) struct key *key = NULL;

    if (key_generate(&key, KEY_P256, e) || key_write_private_pem(key, &pem, e) ||
        home_write(home, name, buf_slice(&pem), e))
        return -1;
    *ret = key;
    key = NULL;
    return 0;
}

int identity_csr(int home, const char *name, struct buf *csr, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };

    subject_of(&subject);
    if (load_or_make(home, name, &key, e) ||
        x509_csr_write(&der, key, buf_slice(&subject), NULL, 0, e))
        return err_wrap(e, "the agent's key");
    pem_write(csr, "CERTIFICATE REQUEST", buf_slice(&der));
    return buf_check(csr, e);
}

int identity_recipient(int home, struct buf *cert, struct buf *key_pem, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    uint8_t serial[16], id[20];
    struct x509_template t = { .serial = slice_of(serial, sizeof serial),
                               .not_before = clock_wall() - 300,
                               .not_after = clock_wall() + DAYS(1),
                               .path_len = -1,
                               .ku = KU_KEY_AGREEMENT,
                               .akid = slice_of(id, sizeof id) };

    if (home_read(home, AGENT_KEY, key_pem, e) || key_read_private(&key, buf_slice(key_pem), e))
        return -1;
    subject_of(&subject);
    x509_serial_new(serial);
    key_id_sha1(key, id);
    t.issuer = t.subject = buf_slice(&subject);
    t.spki = key_spki(key);
    if (x509_tbs_write(&tbs, &t, key_sig_alg(key), e) || key_sign(key, buf_slice(&tbs), &sig, e))
        return -1;
    x509_assemble(cert, buf_slice(&tbs), key_sig_alg(key), buf_slice(&sig));
    return buf_check(cert, e);
}

/* ---- joining ---- */

static int open_home(const char *home, int *ret, struct err *e)
{
    struct stat st;
    int fd;

    if (mkdir(home, 0700) && errno != EEXIST)
        return err_errno(e, "make the folder '%s'", home);
    fd = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        err_errno(e, "open the folder '%s'", home);
        fd_closep(&fd);
        return -1;
    }
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022)) {
        close(fd);
        return err_set(e, ERR_REFUSED, "folder '%s' must be root's, and writable by root alone",
                       home);
    }
    *ret = fd;
    return 0;
}

static int write_request(struct buf *body, const struct join_options *o, struct slice csr,
                         struct err *e)
{
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "token", o->token);
    json_put_slice(&w, "csr", csr);
    if (o->machine)
        json_put_text(&w, "machine", o->machine);
    json_put_text(&w, "layout", o->layout);
    json_put_text(&w, "prefix", o->root);
    json_put_end(&w);
    return buf_check(body, e);
}

static int keep_member(int home, const char *name, const struct json_value *reply, const char *key,
                       struct err *e)
{
    const char *text;

    return json_want_text(reply, key, &text, e) || home_write(home, name, slice_str(text), e) ? -1
                                                                                              : 0;
}

/* A list that is there is root's work and stays. */
static int keep_local(int home, const struct join_options *o, const struct json_value *reply,
                      struct err *e)
{
    struct local_seed seed = {
        .server = o->server, .root = o->root, .manifests = o->manifests, .reply = reply
    };
    CLEANUP(buf_clear) struct buf yaml = { 0 };
    struct local have = { .doc = NULL };
    struct err why = { 0 };
    bool same;

    if (local_load(&have, home, &why)) {
        if (why.code != ERR_NOT_FOUND)
            return err_pass(e, &why);
        if (local_write(&yaml, &seed, e) || home_write(home, LOCAL_FILE, buf_slice(&yaml), e))
            return -1;
        return 0;
    }
    same = slice_eq_str(json_slice(json_get(reply, "cluster")), have.cluster) &&
           slice_eq_str(json_slice(json_get(reply, "machine")), have.machine);
    local_clear(&have);
    return same ? 0
                : err_set(e, ERR_CONFLICT,
                          "'%s/%s' is of another machine: move it away and join again", o->home,
                          LOCAL_FILE);
}

int agent_join(const struct join_options *o, struct err *e)
{
    CLEANUP(fd_closep) int home = -1;
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(json_freep) struct json *reply = NULL;

    if (o->root[0] != '/')
        return err_set(e, ERR_INVALID, "--root is an absolute path");
    if (open_home(o->home, &home, e) || identity_csr(home, NEXT_KEY, &csr, e) ||
        write_request(&body, o, buf_slice(&csr), e) ||
        agent_post(o->transport, "/v1/agent/join", buf_slice(&body), &reply, e))
        return -1;
    /* the list, then the authority, then the pair: with the key in its place it has joined */
    if (keep_local(home, o, json_root(reply), e) ||
        keep_member(home, AGENT_CA, json_root(reply), "server_ca", e) ||
        keep_member(home, AGENT_CERT, json_root(reply), "certificate", e))
        return -1;
    if (renameat(home, NEXT_KEY, home, AGENT_KEY) || fsync(home))
        return err_errno(e, "write '%s'", AGENT_KEY);
    return 0;
}

/* ---- renewal ---- */

static int own_cert(int home, struct buf *der, struct x509_cert *cert, struct err *e)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };

    return home_read(home, AGENT_CERT, &pem, e) ||
                   pem_or_der(der, buf_slice(&pem), "CERTIFICATE", e) ||
                   x509_cert_read(cert, buf_slice(der), e)
               ? -1
               : 0;
}

/* The key stays, so that certificate and key are one rename; `join` makes a new one. */
int agent_renew_self(struct agent *a, struct err *e)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(json_freep) struct json *reply = NULL;
    struct x509_cert cert;
    struct json_writer w;
    char path[128];

    if (own_cert(a->tree.home, &der, &cert, e))
        return err_wrap(e, "the agent's certificate");
    if (a->dry_run || a->now < renewal_time(cert.not_before, cert.not_after, 0, 500))
        return 0;
    if (identity_csr(a->tree.home, AGENT_KEY, &csr, e))
        return -1;
    json_writer_init(&w, &body, false);
    json_put_object(&w, NULL);
    json_put_slice(&w, "csr", buf_slice(&csr));
    json_put_end(&w);
    (void)snprintf(path, sizeof path, "/v1/agent/renewal?instance=%s", a->instance);
    if (agent_post(a->transport, path, buf_slice(&body), &reply, e) ||
        keep_member(a->tree.home, AGENT_CA, json_root(reply), "server_ca", e) ||
        keep_member(a->tree.home, AGENT_CERT, json_root(reply), "certificate", e))
        return err_wrap(e, "renew the agent's certificate");
    return 0;
}
