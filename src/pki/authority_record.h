#ifndef PKI_AUTHORITY_RECORD_H
#define PKI_AUTHORITY_RECORD_H

#include "pki/authority.h"

/* How CAs and generations are stored: authority.c reads, authority_make.c writes; nobody else. */

int generation_of_record(struct generation *g, const struct record *r, struct err *e) MUST_CHECK;
/* uid of the CA that a role points at; ERR_NOT_FOUND. */
int authority_find_ca(struct store_tx *tx, const struct cluster *c, enum authority_role role,
                      char ca[UID_TEXT], struct err *e) MUST_CHECK;

#endif
