#include "api/route.h"
#include "api/handlers.h"

/* A row without a right or a scope does not compile: a negative array size. */
#define ROUTE(m, p, r, w, body, f, k, h, q, s)                                                     \
    {                                                                                              \
        .method = (m), .path = (p), .right = (r), .where = (w), .max_body = (body), .flags = (f),  \
        .kind = (k), .handler = (h), .query = (q),                                                 \
        .summary = &(s)[0 * sizeof(char[(r) > RIGHT_NONE && (w) > WHERE_NOT_SAID ? 1 : -1])]       \
    }
#define LIST "limit cursor"

/* clang-format off */
const struct route routes[] = {
    ROUTE(HTTP_GET,    "/v1/clusters",                        RIGHT_READ, WHERE_ITEM, 0,        ROUTE_EMPTY,   "ClusterList",   list_clusters,   LIST, "clusters, by name"),
    ROUTE(HTTP_POST,   "/v1/clusters",                        RIGHT_MANAGE, WHERE_ALL, 1 << 20,  ROUTE_CREATES | ROUTE_REPEAT, "Cluster",       create_cluster,  "",   "make a cluster: its machines, five authorities, service-account key; the same again changes nothing, another is 409"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}",              RIGHT_READ, WHERE_CLUSTER, 0,        0,             "Cluster",       show_cluster,    "",   "one cluster"),
    ROUTE(HTTP_DELETE, "/v1/clusters/{cluster}",              RIGHT_OWN, WHERE_CLUSTER, 0,        ROUTE_REVISION,             "Deletion",      delete_cluster,  "",   "delete a cluster, its keys and its ledger"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/adoption",     RIGHT_MANAGE, WHERE_CLUSTER, 32 << 20, ROUTE_CREATES | ROUTE_REPEAT, "Adoption",      adopt_cluster,   "",   "take in the authorities of a running cluster"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}/authorities",  RIGHT_READ, WHERE_CLUSTER, 0,        0,             "AuthorityList", list_authorities, "",  "the five authorities of a cluster"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}/authorities/{authority}", RIGHT_READ, WHERE_CLUSTER, 0, 0,           "Authority",     show_authority,  "",   "one authority, its generations and certificates (bundle: every trusted one)"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}/machines/{machine}/plan", RIGHT_READ, WHERE_MACHINE, 0, 0,           "ExportPlan",    show_plan,       "layout prefix", "what a machine needs: files, and the certificates to ask for"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/machines/{machine}/certificates", RIGHT_ISSUE, WHERE_MACHINE, 1 << 20, ROUTE_REPEAT, "CertificateList", issue_machine, "", "sign a machine's CSRs, one for each place of its plan"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/machines/{machine}/service-account-key", RIGHT_ISSUE, WHERE_MACHINE, 0, 0, "ServiceAccountKey", release_service_account_key, "", "the key that signs service-account tokens, for a control-plane machine"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/certificates", RIGHT_ISSUE, WHERE_CLUSTER, 64 << 10, ROUTE_REPEAT,             "Certificate",   sign_certificate, "",  "sign a CSR under a profile"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}/kubeconfigs",  RIGHT_READ, WHERE_CLUSTER, 0,        0,             "KubeconfigList", list_kubeconfigs, LIST, "who holds a certificate of the operators' authority, until when"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/kubeconfigs",  RIGHT_ISSUE, WHERE_CLUSTER, 64 << 10, ROUTE_REPEAT,             "Kubeconfig",    issue_kubeconfig, "",  "sign a person's CSR; the reply holds what a kubeconfig needs besides the key"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}/status",       RIGHT_READ, WHERE_CLUSTER,   0,        0,             "ClusterStatus", show_cluster_status, "", "what each machine's components were to load, and what they have: laggards first"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}/nodes",        RIGHT_READ, WHERE_CLUSTER,   0,        0,             "NodeList",      list_nodes,      "",   "machines and their agents"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/nodes",        RIGHT_MANAGE, WHERE_CLUSTER, 16 << 10, 0,             "Invitation",    add_node,        "",   "invite a machine, one of the cluster's or a new one; the token works once"),
    ROUTE(HTTP_GET,    "/v1/clusters/{cluster}/nodes/{machine}", RIGHT_READ, WHERE_MACHINE, 0,       0,             "Node",          show_node,       "",   "one machine and what its agent says"),
    ROUTE(HTTP_DELETE, "/v1/clusters/{cluster}/nodes/{machine}", RIGHT_MANAGE, WHERE_MACHINE, 0,     0,             "NodeRemoval",   remove_node,     "",   "take a machine out of the cluster: its agent is refused at once"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/nodes/{machine}/cordon",   RIGHT_MANAGE, WHERE_MACHINE, 0, 0,        "Node",          cordon_node,     "",   "no changes on this machine"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/nodes/{machine}/uncordon", RIGHT_MANAGE, WHERE_MACHINE, 0, 0,        "Node",          uncordon_node,   "",   "changes again; a rollout that this machine stopped goes on"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/nodes/{machine}/approval", RIGHT_MANAGE, WHERE_MACHINE, 0, 0,        "Node",          approve_node,    "",   "a machine that was blocked since two used its certificate may go on"),
    ROUTE(HTTP_POST,   "/v1/clusters/{cluster}/nodes/{machine}/renewal",  RIGHT_MANAGE, WHERE_MACHINE, 0, 0,        "Node",          renew_node,      "",   "have the machine renew every certificate now"),
    ROUTE(HTTP_POST,   "/v1/agent/join",                      RIGHT_ANY, WHERE_NOWHERE,    64 << 10, 0,             "AgentIdentity", join_agent,      "",   "a join token and a CSR against a machine's certificate"),
    ROUTE(HTTP_POST,   "/v1/agent/renewal",                   RIGHT_NODE, WHERE_ITEM,   64 << 10, 0,             "AgentIdentity", renew_agent,     "instance", "the agent's own next certificate"),
    ROUTE(HTTP_GET,    "/v1/agent/desired",                   RIGHT_NODE, WHERE_ITEM,   0,        0,             "AgentDesired",  show_desired,    "instance known wait", "what the machine is to have; 'same' when that is the revision it knows"),
    ROUTE(HTTP_POST,   "/v1/agent/certificates",              RIGHT_NODE, WHERE_ITEM,   1 << 20,  0,             "CertificateList", issue_agent,   "instance", "sign CSRs for places of the machine's own plan"),
    ROUTE(HTTP_POST,   "/v1/agent/service-account-key",       RIGHT_NODE, WHERE_ITEM,   64 << 10, 0,             "SealedKey",     release_agent_key, "instance", "the key that signs service-account tokens, sealed to the machine's key"),
    ROUTE(HTTP_POST,   "/v1/agent/status",                    RIGHT_NODE, WHERE_ITEM,   256 << 10, 0,            "AgentStatus",   report_status,   "instance", "what is installed and loaded"),
    ROUTE(HTTP_POST,   "/v1/agent/lease",                     RIGHT_NODE, WHERE_ITEM,   4096,     0,             "AgentLease",    agent_lease,     "instance", "one control-plane machine at a time: take, release, stop"),
    ROUTE(HTTP_GET,    "/v1/certificates",                    RIGHT_READ, WHERE_ITEM, 0,        ROUTE_EMPTY,   "CertificateList", list_certificates, LIST " cluster expiring", "certificates on record, soonest expiry first"),
    ROUTE(HTTP_GET,    "/v1/certificates/{serial}",           RIGHT_READ, WHERE_ITEM, 0,        0,             "Certificate",   show_certificate, "",  "one certificate, by serial or SHA-256 fingerprint"),
    ROUTE(HTTP_GET,    "/v1/profiles",                        RIGHT_SELF, WHERE_NOWHERE, 0,        ROUTE_STATELESS, "ProfileList",   list_profiles,   "",   "what certificates may say"),
    ROUTE(HTTP_GET,    "/v1/audit/records",                   RIGHT_AUDIT, WHERE_ALL, 0,        ROUTE_EMPTY,   "AuditRecordList", list_audit,    LIST " action outcome target", "the audit trail, oldest first; the cursor is the sequence number to go on behind"),
    ROUTE(HTTP_GET,    "/v1/audit/head",                      RIGHT_AUDIT, WHERE_ALL, 0,        0,             "AuditHead",     show_audit_head, "",   "the newest signed checkpoint, to be kept elsewhere"),
    ROUTE(HTTP_POST,   "/v1/audit/verification",              RIGHT_AUDIT, WHERE_ALL, 64 << 10, 0,             "AuditVerdict",  verify_audit,    "",   "check chain and signatures, against a kept head if one is given"),
    ROUTE(HTTP_GET,    "/v1/audit/export",                    RIGHT_AUDIT, WHERE_ALL, 0,        0,             "AuditExport",   export_audit,    "after limit", "lines for an outside verifier, in parts: go on with ?after= the one given, until none is"),
    ROUTE(HTTP_POST,   "/v1/audit/pruning",                   RIGHT_OWN, WHERE_ALL, 4096,     0,             "AuditPruning",  prune_audit,     "",   "remove old records, leaving a signed tombstone"),
    ROUTE(HTTP_POST,   "/v1/root-key/rotation",               RIGHT_OWN, WHERE_ALL, 4096,     ROUTE_EXCLUSIVE, "RootKeyRotation", rotate_root_key, "", "a new root key; with reseal, new data keys and every sealed value sealed again"),
    ROUTE(HTTP_POST,   "/v1/state/backup",                    RIGHT_OWN, WHERE_ALL, 64 << 10, ROUTE_KEY_FILE, "Backup",        make_backup,     "",   "an encrypted copy of everything, taken while commands run"),
    ROUTE(HTTP_POST,   "/v1/state/check",                     RIGHT_OWN, WHERE_ALL, 0,        0,             "StateCheck",    check_state,     "",   "does every sealed value open, every chain verify, every key fit"),

    ROUTE(HTTP_GET,    "/v1/installation",                    RIGHT_SELF, WHERE_NOWHERE, 0,        0,             "Installation",  show_installation, "", "the installation's own authorities, and what a client pins of its server"),
    ROUTE(HTTP_POST,   "/v1/login",                           RIGHT_ANY, WHERE_NOWHERE, 32 << 10, 0,             "Login",         redeem_code,     "",   "a one-time code and a CSR become a short-lived operator certificate"),
    ROUTE(HTTP_GET,    "/v1/login",                           RIGHT_SELF, WHERE_NOWHERE, 0,        0,             "Principal",     show_self,       "",   "who asks, and what that one may do"),
    ROUTE(HTTP_POST,   "/v1/login/renewal",                   RIGHT_SELF, WHERE_NOWHERE, 32 << 10, 0,             "Login",         renew_login,     "",   "another certificate for the operator that asks, while the one at hand is good"),
    ROUTE(HTTP_GET,    "/v1/operators",                       RIGHT_READ, WHERE_ALL, 0,        ROUTE_EMPTY,   "OperatorList",  list_operators,  LIST, "operators, by name, with their roles"),
    ROUTE(HTTP_POST,   "/v1/operators",                       RIGHT_GRANT, WHERE_ITEM, 4096,     ROUTE_CREATES, "Invitation",    invite_operator, "",   "invite an operator: the reply holds a code that works once"),
    ROUTE(HTTP_GET,    "/v1/operators/{operator}",            RIGHT_READ, WHERE_ALL, 0,        0,             "Operator",      show_operator,   "",   "one operator and its roles"),
    ROUTE(HTTP_DELETE, "/v1/operators/{operator}",            RIGHT_GRANT, WHERE_ALL, 0,        0,             "Deletion",      remove_operator, "",   "remove an operator: its certificates count no longer"),
    ROUTE(HTTP_GET,    "/v1/roles",                           RIGHT_SELF, WHERE_NOWHERE, 0,        ROUTE_STATELESS, "RoleList",    list_roles,      "",   "which role has which rights"),
    ROUTE(HTTP_GET,    "/v1/roles/assignments",               RIGHT_READ, WHERE_ITEM, 0,        ROUTE_EMPTY,   "RoleAssignmentList", list_assignments, "operator", "who has which role where"),
    ROUTE(HTTP_POST,   "/v1/roles/assignments",               RIGHT_GRANT, WHERE_ITEM, 4096,     0,             "RoleAssignment", grant_role,     "",   "give an operator a role in a scope"),
    ROUTE(HTTP_DELETE, "/v1/roles/assignments",               RIGHT_GRANT, WHERE_ITEM, 0,        0,             "RoleAssignment", revoke_role,    "operator role scope", "take a role away"),
    ROUTE(HTTP_GET,    "/v1/roles/explanation",               RIGHT_READ, WHERE_ALL, 0,        0,             "Explanation",   explain_access,  "principal action scope", "may that one do this there, and why or why not"),
    ROUTE(HTTP_GET,    "/v1/changes",                         RIGHT_READ, WHERE_ITEM, 0,        ROUTE_EMPTY,   "ChangeList",    list_changes,    LIST, "what was written, oldest first, behind ?since="),
    ROUTE(HTTP_GET,    "/openapi.json",                       RIGHT_ANY, WHERE_NOWHERE, 0,        ROUTE_STATELESS | ROUTE_RAW, "application/json", show_description, "",   "this description, as OpenAPI 3.1"),
    ROUTE(HTTP_GET,    "/livez",                              RIGHT_ANY, WHERE_NOWHERE, 0,        ROUTE_STATELESS | ROUTE_RAW, "text/plain", show_live,       "",   "the daemon answers"),
    ROUTE(HTTP_GET,    "/readyz",                             RIGHT_ANY, WHERE_NOWHERE, 0,        ROUTE_RAW,     "text/plain",          show_ready,      "verbose", "the daemon can do its work; why it cannot"),
    ROUTE(HTTP_GET,    "/healthz",                            RIGHT_ANY, WHERE_NOWHERE, 0,        ROUTE_RAW,     "text/plain",          show_health,     "verbose", "store, keeper and clock are well"),
    ROUTE(HTTP_GET,    "/metrics",                            RIGHT_READ, WHERE_ALL, 0,        ROUTE_RAW,     "application/openmetrics-text",          show_metrics,    "",   "OpenMetrics: requests, issuing, what ends when, the store"),
};
/* clang-format on */
const size_t route_count = ARRAY_LEN(routes);
