#ifndef API_STAGE_H
#define API_STAGE_H

#include "../expect.h"
#include "../pki/csr.h"
#include "../pki/world.h"
#include "api/api.h"
#include "api/caller.h"
#include "crypto/pem.h"
#include "pki/operator.h"

/*
 * An installation with two clusters, "demo" and "there", and people and machines with certificates,
 * asked through api_call as a daemon's front would.
 */
struct stage {
    struct world w;
    struct cluster demo, there;
    struct api *api;
    struct api_response response;
    struct json *reply;
    int64_t now;
};

#define STAGE_THERE                                                                                \
    "{\"name\":\"there\",\"endpoint\":\"there.example.com:6443\","                                 \
    "\"control_plane\":[\"t1=10.1.0.1\"],\"service_account_key_type\":\"p256\"}"

static inline void stage_open_api(struct stage *s)
{
    struct api_options options = { .state = s->w.dir, .now = s->now };
    struct err e = { 0 };

    api_close(s->api);
    s->api = NULL;
    if (api_open(&s->api, &options, &e))
        fail_msg("%s", e.msg);
}

static inline void stage_start(struct stage *s)
{
    *s = (struct stage){ .now = WORLD_NOW };
    world_start(&s->w);
    world_cluster(&s->w, WORLD_CLUSTER, &s->demo);
    world_cluster(&s->w, STAGE_THERE, &s->there);
    stage_open_api(s);
}

static inline void stage_end(struct stage *s)
{
    api_close(s->api);
    api_response_clear(&s->response);
    json_free(s->reply);
    cluster_clear(&s->demo);
    cluster_clear(&s->there);
    world_end(&s->w);
}

/* Status of the answer, which is in s->reply until the next one. */
static inline int stage_call(struct stage *s, const struct api_caller *caller,
                             enum http_method method, const char *path, const char *body)
{
    struct api_request request = {
        .method = method, .path = path, .body = slice_str(body), .caller = *caller
    };

    json_free(s->reply);
    s->reply = NULL;
    api_response_clear(&s->response);
    s->response = (struct api_response){ 0 };
    api_call(s->api, &request, &s->response);
    if (s->response.type && strstr(s->response.type, "json") &&
        json_parse(&s->reply, buf_slice(&s->response.body), NULL, NULL))
        fail_msg("%s: no JSON: %s", path, buf_str(&s->response.body));
    return s->response.status;
}

static inline const char *stage_text(const struct stage *s, const char *key)
{
    const char *text = json_text(json_path(json_root(s->reply), key));

    return text ? text : "";
}

static const struct api_caller stage_process = { .via = API_VIA_PROCESS };
static const struct api_caller stage_nobody = { .via = API_VIA_TLS, .address = "192.0.2.9" };

/* {"NAME":PEM of a new request, ...rest} for a body. */
static inline void stage_csr(struct buf *json, const char *member)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    struct json_writer w;

    csr_make(&der, &(struct csr_spec){ .key = "p256" });
    pem_write(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
    json_writer_init(&w, json, false);
    json_put_object(&w, NULL);
    json_put_slice(&w, "csr", buf_slice(&pem));
    if (member)
        json_put_text(&w, "code", member);
    json_put_end(&w);
}

/* DER of "certificate" of the last answer. */
static inline void stage_certificate(struct stage *s, struct buf *der)
{
    struct err e = { 0 };

    buf_reset(der);
    if (pem_or_der(der, slice_str(stage_text(s, "certificate")), "CERTIFICATE", &e))
        fail_msg("no certificate: %s", buf_str(&s->response.body));
}

static inline int stage_redeem(struct stage *s, const char *code)
{
    CLEANUP(buf_clear) struct buf body = { 0 };

    stage_csr(&body, code);
    return stage_call(s, &stage_nobody, HTTP_POST, "/v1/login", buf_str(&body));
}

/* role "": none. The code is in `code`. */
static inline int stage_invite(struct stage *s, const struct api_caller *caller, const char *name,
                               const char *role, const char *scope, char code[OPERATOR_CODE])
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    int status;

    buf_addf(&body, "{\"name\":\"%s\"", name);
    if (role)
        buf_addf(&body, ",\"role\":\"%s\",\"scope\":\"%s\"", role, scope);
    buf_add_str(&body, "}");
    status = stage_call(s, caller, HTTP_POST, "/v1/operators", buf_str(&body));
    snprintf(code, OPERATOR_CODE, "%s", stage_text(s, "code"));
    return status;
}

/* Invited by root and logged in; the certificate is the caller's to clear. */
static inline struct api_caller stage_operator(struct stage *s, const char *name, const char *role,
                                               const char *scope, struct buf *der)
{
    char code[OPERATOR_CODE];

    if (stage_invite(s, &stage_process, name, role, scope, code) != 200 ||
        stage_redeem(s, code) != 200)
        fail_msg("%s: %s", name, buf_str(&s->response.body));
    stage_certificate(s, der);
    return (
        struct api_caller){ .via = API_VIA_TLS, .cert = buf_slice(der), .address = "192.0.2.1" };
}

struct stage_machine {
    struct installation_order order;
    struct issued issued;
};
static inline int stage_machine_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct stage_machine *m = ctx;

    return installation_issue(w, &m->order, &m->issued, e);
}

static inline struct api_caller stage_node(struct stage *s, const struct cluster *c,
                                           const char *name, struct buf *der)
{
    CLEANUP(buf_clear) struct buf csr = { 0 };
    struct stage_machine m = { .order = { .profile = INSTALLATION_MACHINE,
                                          .name = name,
                                          .uid = cluster_machine(c, name)->uid,
                                          .cluster = c->uid } };
    struct err e = { 0 };

    csr_make(&csr, &(struct csr_spec){ .key = "p256" });
    m.order.csr = buf_slice(&csr);
    expect(name, world_write(&s->w, stage_machine_in, &m, &e), &e, ERR_NONE, NULL);
    buf_reset(der);
    buf_add_slice(der, buf_slice(&m.issued.cert));
    issued_clear(&m.issued);
    return (struct api_caller){ .via = API_VIA_TLS, .cert = buf_slice(der), .address = "10.0.0.1" };
}

#endif
