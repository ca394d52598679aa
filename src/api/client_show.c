#include "api/client.h"
#include "api/client_find.h"
#include "base/clock.h"
#include "crypto/pem.h"
#include "pki/inspect.h"
#include <sys/stat.h>

/* `cert show`: one on record by its serial or fingerprint, or those in a file. */

static void put_cert(struct json_writer *reply, const struct found_cert *cert)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };

    if (cert->entry)
        json_put_text(reply, "entry", cert->entry);
    json_put_object(reply, "x509");
    (void)inspect_write(reply, &cert->view, clock_wall());
    json_put_end(reply);
    pem_write(&pem, "CERTIFICATE", buf_slice(&cert->der));
    json_put_slice(reply, "certificate", buf_slice(&pem));
}

/* What a file is about: a kubeconfig's user and not the CA before it, a chain's leaf. */
static size_t subject_of(const struct found *f)
{
    for (size_t i = 0; i < f->cert_count; i++)
        if (!f->cert[i].view.ext.ca)
            return i;
    return 0;
}

/* That one as the object itself, the others of the file as a list. */
static int show_file(const char *path, struct json_writer *reply, struct err *e)
{
    CLEANUP(found_clear) struct found f = { 0 };
    size_t first;

    find_in(&f, 0, path);
    for (size_t i = 0; i < f.cert_count; i++)
        if (!f.cert[i].readable)
            return err_set(e, ERR_INVALID, "'%s': certificate %zu is not well-formed", path, i + 1);
    if (f.note_count && !f.cert_count)
        return err_set(e, ERR_INVALID, "'%s': %s", path, f.note[0].text);
    if (!f.cert_count)
        return err_set(e, ERR_INVALID, "'%s' holds no certificate", path);
    json_put_text(reply, "path", path);
    first = subject_of(&f);
    put_cert(reply, &f.cert[first]);
    if (f.cert_count == 1)
        return 0;
    json_put_array(reply, "others");
    for (size_t i = 0; i < f.cert_count; i++) {
        if (i == first)
            continue;
        json_put_object(reply, NULL);
        put_cert(reply, &f.cert[i]);
        json_put_end(reply);
    }
    json_put_end(reply);
    return 0;
}

static int show_record(struct client *client, const char *which, struct json_writer *reply,
                       struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(json_freep) struct json *answer = NULL;

    buf_add_str(&path, "/v1/certificates/");
    client_escape(&path, which);
    if (client_call(client, HTTP_GET, buf_str(&path), slice_of(NULL, 0), &answer, e))
        return -1;
    client_put_answer(reply, json_root(answer));
    return 0;
}

static bool could_be_serial(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF:") == strlen(text);
}

int client_cert_show(struct client *client, const struct json_value *args,
                     struct json_writer *reply, struct client_result *result, struct err *e)
{
    const char *target;
    struct stat st;

    (void)result;
    if (json_want_text(args, "target", &target, e))
        return -1;
    if (stat(target, &st) == 0 && !S_ISDIR(st.st_mode))
        return show_file(target, reply, e);
    if (could_be_serial(target))
        return show_record(client, target, reply, e);
    return err_set(e, ERR_NOT_FOUND, "there is no file '%.200s', and it is not a serial number",
                   target);
}
