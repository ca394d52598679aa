#ifndef PKI_CLUSTER_SPEC_H
#define PKI_CLUSTER_SPEC_H

#include "pki/cluster.h"

/*
 * The members of a cluster's description that are one text each, in one table: the request, the
 * stored body, the reply and the difference of two clusters are all made from it. Inside of pki
 * only.
 */
struct spec_field {
    const char *name; /* in JSON */
    int (*parse)(struct cluster *c, const char *text, struct err *e);
    void (*format)(const struct cluster *c, struct buf *out); /* what parse takes, in one form */
    const char *fallback;                                     /* NULL: must be given */
};
extern const struct spec_field spec_fields[];
extern const size_t spec_field_count;

/* Attributes of --subject, in the order of every subject. */
enum subject_rank { RANK_C, RANK_ST, RANK_L, RANK_O, RANK_OU, RANKS };
enum subject_rank subject_rank(const char *attr); /* RANKS when it is none of them */
/* Appends the cluster's parts from one rank to another, as parts of a Name being written
 * (profile.c). */
void subject_parts(struct buf *out, const struct cluster *c, enum subject_rank from,
                   enum subject_rank to);

/* One more name of the API server, canonical; one that is there already is dropped. */
int spec_add_san(struct cluster *c, const char *text, struct err *e) MUST_CHECK;
/* "cp1=10.0.0.1,cp1.example" */
int machine_parse(struct machine *ret, const char *text, struct err *e) MUST_CHECK;
void machine_clear(struct machine *m);
/* "control-plane+etcd 10.0.0.1,cp1.example" */
void machine_format(struct buf *out, const struct machine *m);
/* Same roles, addresses and names, whatever their uids. */
bool machine_same(const struct machine *a, const struct machine *b);

/* What single members cannot know: that they fit each other. Defaults that follow from others are
 * filled in; warnings are appended as lines. */
int cluster_check(struct cluster *c, struct buf *warnings, struct err *e) MUST_CHECK;

/* The stored bodies (cluster_json.c). */
void cluster_write_body(struct json_writer *w, const struct cluster *c);
int cluster_read_body(struct cluster *c, const struct json_value *body, struct err *e) MUST_CHECK;
/* slots: a JSON object to be kept, or NULL for none. */
void machine_write_body(struct json_writer *w, const struct machine *m, size_t place,
                        const struct json_value *slots);
int machine_read_body(struct machine *m, size_t *place, const struct json_value *body,
                      struct err *e) MUST_CHECK;

#endif
