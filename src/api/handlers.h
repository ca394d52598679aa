#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/route.h"
#include "pki/cluster.h"

/* One handler a route (route.c), a file a noun. */
api_handler list_clusters, create_cluster, show_cluster, delete_cluster,
    adopt_cluster;                                                 /* handle_cluster.c */
api_handler list_authorities, show_authority, list_profiles;       /* handle_authority.c */
api_handler show_plan, issue_machine, release_service_account_key; /* handle_machine.c */
api_handler sign_certificate, list_kubeconfigs, issue_kubeconfig;  /* handle_issue.c */
api_handler list_certificates, show_certificate;                   /* handle_certificate.c */
api_handler list_audit, show_audit_head, verify_audit, export_audit,
    prune_audit;                                       /* handle_audit.c */
api_handler rotate_root_key, make_backup, check_state; /* handle_state.c */
api_handler add_node, list_nodes, show_node, remove_node, cordon_node, uncordon_node, approve_node,
    renew_node;                      /* handle_node.c */
api_handler show_cluster_status;     /* handle_status.c */
api_handler join_agent, renew_agent; /* handle_join.c */
api_handler show_desired, issue_agent, release_agent_key, report_status,
    agent_lease;                                              /* handle_agent.c */
api_handler show_health, show_ready, show_live, show_metrics; /* handle_health.c */

api_handler list_operators, show_operator, invite_operator, remove_operator, redeem_code,
    renew_login, show_self, show_installation; /* handle_operator.c */
api_handler list_roles, list_assignments, grant_role, revoke_role,
    explain_access;           /* handle_role.c */
api_handler list_changes;     /* watch.c */
api_handler show_description; /* describe.c */

/* A certificate's members from its record, as the list shows them (handle_certificate.c). */
int handle_put_certificate(struct json_writer *reply, const struct record *r, int64_t now,
                           struct err *e) MUST_CHECK;

/* Shared by them (handle.c). */

/* Whether the caller has the route's right in that scope; the same as an error. */
bool handle_may(const struct api_args *args, const char *scope);
int handle_must(const struct api_args *args, const char *scope, struct err *e) MUST_CHECK;

/* The cluster of the first path parameter, in a reading transaction of its own. */
int handle_cluster(const struct api_args *args, struct cluster *ret, struct err *e) MUST_CHECK;
/* A CSR from PEM (or DER in base64) in the body's member `csr`. */
int handle_csr(const struct json_value *object, struct buf *der, struct err *e) MUST_CHECK;
void handle_put_pem(struct json_writer *reply, const char *key, struct slice cert_der);
/* "serial" of a certificate on record. */
void handle_put_serial(struct json_writer *reply, const struct record *record);
/* One page of a list. */
struct handle_page {
    const struct api_args *args;
    struct json_writer *reply;
    int limit;               /* as asked for */
    char next[STORE_CURSOR]; /* `list` fills it in; "": this was the last page */
};
/* "items", which `list` writes, and "next". page has args and reply. */
int handle_list(struct handle_page *page, store_fn *list, void *ctx, struct err *e) MUST_CHECK;
/* The reply shows this one record: its revision is the entity tag. */
void handle_shows(const struct api_args *args, int64_t revision);
/* The reply is what was made just now, and where it is: 201. One "@" of the path is the segment. */
void handle_made(const struct api_args *args, int64_t revision, const char *path,
                 const char *segment);
/* A duration member: 0 when absent. */
int handle_seconds(const struct json_value *object, const char *key, int64_t *seconds,
                   struct err *e) MUST_CHECK;

#endif
