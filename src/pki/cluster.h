#ifndef PKI_CLUSTER_H
#define PKI_CLUSTER_H

#include "crypto/key.h"
#include "pki/pki.h"
#include "wire/json.h"

/* The five authorities of a cluster, in the order of every list, bundle and table. */
enum authority_role {
    AUTHORITY_ETCD,
    AUTHORITY_CONTROL_PLANE,
    AUTHORITY_OPERATORS,
    AUTHORITY_KUBELET,
    AUTHORITY_AGGREGATION,
    AUTHORITY_ROLES, /* of a cluster: those above */
    /* the installation's own two (pki/installation.h) */
    AUTHORITY_POTERNE_SERVER = AUTHORITY_ROLES,
    AUTHORITY_POTERNE_CLIENT,
    AUTHORITY_ALL
};
const char *authority_role_name(enum authority_role role); /* "control-plane" */
int authority_role_parse(enum authority_role *role, const char *name, struct err *e)
    MUST_CHECK; /* ERR_NOT_FOUND, with the five */

enum machine_role {
    MACHINE_CONTROL_PLANE = 1 << 0,
    MACHINE_ETCD = 1 << 1,
    MACHINE_WORKER = 1 << 2
};
enum {
    MACHINE_MAX_NAMES = 16,
    CLUSTER_MAX_MACHINES = 5000,
    CLUSTER_MAX_SANS = 64,
    CLUSTER_MAX_SUBJECT = 8
};

struct machine {
    char uid[UID_TEXT];
    char name[64];
    unsigned roles;                   /* of enum machine_role */
    char *address[MACHINE_MAX_NAMES]; /* canonical text of IPs, the first is where it listens and
                                         advertises */
    size_t address_count;
    char *dns[MACHINE_MAX_NAMES];
    size_t dns_count;
};
struct subject_part {
    char attr[4]; /* "C" "ST" "L" "O" "OU" */
    char value[65];
};

/* A cluster as it is stored: the body of its record is this, as JSON (cluster_json.c). */
struct cluster {
    char uid[UID_TEXT];
    char name[64];
    bool installation; /* no cluster at all: what the installation's own authorities need of one */
    int64_t revision, created;
    char endpoint_host[256];
    unsigned endpoint_port;
    char service_cidr[2][64]; /* canonical; [1] "" unless dual-stack */
    char dns_domain[254];
    char *san[CLUSTER_MAX_SANS];
    size_t san_count;
    enum key_type key_type;
    struct subject_part subject[CLUSTER_MAX_SUBJECT];
    size_t subject_count;
    int64_t authority_ttl, leaf_ttl, operator_max_ttl; /* seconds */
    char service_account_issuer[512];
    enum key_type service_account_key_type;
    char adopted[16];        /* layout it was adopted from, or "" */
    struct machine *machine; /* in the order: control plane, etcd, workers as given */
    size_t machine_count;
};
void cluster_clear(struct cluster *c);

/* The request body of POST /v1/clusters (api reference), checked whole; defaults filled in.
 * Warnings (an even number of etcd members) are appended to `warnings` as lines. ERR_INVALID says
 * which field and what to do. */
int cluster_parse(struct cluster *ret, const struct json_value *request, struct buf *warnings,
                  struct err *e) MUST_CHECK;
/* What differs between two specifications, a line each: "endpoint: a:6443, asked for b:6443".
 * Empty: the same. */
void cluster_diff(struct buf *out, const struct cluster *have, const struct cluster *want);
/* Members of a cluster without the enclosing braces; secrets are never among them. */
void cluster_write_json(struct json_writer *w, const struct cluster *c);
int cluster_name_check(const char *name, const char *what, struct err *e)
    MUST_CHECK; /* RFC 1123 label, 1 to 63 */

/* Makes cluster, machines, five authorities with their first generation, the service-account key:
 * one transaction. *made false: it was there already and is the same. ERR_CONFLICT with
 * cluster_diff when it differs. */
int cluster_create(struct request *request, struct cluster *spec, bool *made, struct err *e)
    MUST_CHECK;
int cluster_load(struct store_tx *tx, const char *name, struct cluster *ret, struct err *e)
    MUST_CHECK; /* with machines */
int cluster_delete(struct request *request, const char *name, int64_t *records, struct err *e)
    MUST_CHECK;
/* The parts of cluster_create, for adopt: the cluster's record and its machines', uids filled in.
 */
int cluster_insert(struct pki_write *w, struct cluster *c, struct err *e) MUST_CHECK;
int cluster_insert_machine(struct pki_write *w, struct cluster *c, size_t place, struct err *e)
    MUST_CHECK;
/*
 * One more machine, "NAME=ADDR[,ADDR|NAME...]" with one role, in the cluster's specification; *made
 * false: it is there already and is the same, or was named without addresses. ERR_CONFLICT when it
 * differs. ERR_REFUSED: a machine for etcd alone, where the control plane runs it.
 */
int cluster_add_machine(struct pki_write *w, struct cluster *c, const char *text, unsigned role,
                        bool *made, struct err *e) MUST_CHECK;
/* Out of the specification, so that nothing is issued for it any more; what was issued stays valid
 * until its end. ERR_REFUSED for the last one of the control plane or of etcd. */
int cluster_remove_machine(struct pki_write *w, struct cluster *c, const char *name, struct err *e)
    MUST_CHECK;
/* body: of the cluster's record. */
bool cluster_has_removed(const struct json_value *body, const char *machine);
const char *machine_role_name(enum machine_role role); /* "control-plane" */
int machine_role_parse(unsigned *role, const char *name, struct err *e) MUST_CHECK;
void cluster_scope(const struct cluster *c, char scope[64]);
const struct machine *cluster_machine(const struct cluster *c, const char *name); /* NULL */
/* etcd members: machines with MACHINE_ETCD; when none was named, the control plane (stacked). */
bool machine_runs_etcd(const struct cluster *c, const struct machine *m);
/* The n-th address (from 1) of a service CIDR as text: the API server's is the first, DNS the
 * tenth. */
int cluster_service_ip(const char *cidr, unsigned n, char out[64], struct err *e) MUST_CHECK;
/* The SAN by which etcd members know each other: peer.CLUSTER.etcd.poterne.internal */
void cluster_peer_name(const struct cluster *c, char out[128]);

#endif
