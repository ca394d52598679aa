#include "api/handlers.h"

#include "crypto/pem.h"
#include "pki/backup.h"
#include "pki/root_key.h"
#include "pki/state_check.h"

int rotate_root_key(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct root_key_report report = { 0 };

    if (root_key_rotate(args->request, json_bool(json_get(args->body, "reseal"), false), &report,
                        e))
        return -1;
    json_put_text(reply, "old_id", report.old_id);
    json_put_text(reply, "new_id", report.new_id);
    json_put_int(reply, "rewrapped", report.rewrapped);
    json_put_int(reply, "resealed", report.resealed);
    json_put_bool(reply, "resumed", report.resumed);
    return 0;
}

/* The passphrase travels in the request: in-process today, over the unix socket or TLS later. */
int make_backup(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    CLEANUP(secret_clear) struct secret passphrase = { 0 };
    CLEANUP(buf_clear) struct buf recipient = { 0 };
    CLEANUP(buf_clear) struct buf cms = { 0 };
    CLEANUP(buf_clear) struct buf manifest = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct backup_target target = { 0 };
    struct slice phrase = json_slice(json_get(args->body, "passphrase"));
    struct slice cert = json_slice(json_get(args->body, "recipient"));

    if ((phrase.len > 0) == (cert.len > 0))
        return err_set(e, ERR_INVALID, "give a passphrase or a recipient's certificate");
    if (phrase.len) {
        if (secret_copy(&passphrase, phrase, e))
            return -1;
        target.passphrase = &passphrase;
    } else {
        if (pem_or_der(&recipient, cert, "CERTIFICATE", e))
            return err_wrap(e, "recipient");
        target.recipient = buf_slice(&recipient);
    }
    if (backup_make(args->request, &target, &cms, &manifest, e) ||
        json_parse(&doc, buf_slice(&manifest), NULL, e))
        return -1;
    json_put_value(reply, "manifest", json_root(doc));
    json_put_base64(reply, "cms", buf_slice(&cms));
    return 0;
}

static void put_fault(const struct state_fault *fault, void *ctx)
{
    struct json_writer *reply = ctx;

    json_put_object(reply, NULL);
    json_put_text(reply, "check", fault->check);
    json_put_text(reply, "subject", fault->subject);
    json_put_text(reply, "text", fault->text);
    json_put_end(reply);
}

int check_state(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct state_report report = { 0 };
    int rc;

    json_put_array(reply, "items");
    rc = state_check(args->request, put_fault, reply, &report, e);
    json_put_end(reply);
    if (rc)
        return -1;
    json_put_bool(reply, "good", report.faults == 0);
    json_put_int(reply, "records", report.records);
    json_put_int(reply, "sealed", report.sealed);
    json_put_int(reply, "certificates", report.certificates);
    json_put_int(reply, "audit_records", report.audit_records);
    json_put_int(reply, "faults", report.faults);
    return 0;
}
