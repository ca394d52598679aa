#ifndef PKI_OPERATOR_H
#define PKI_OPERATOR_H

#include "pki/pki.h"

/* An operator is a person: a record (scope "/", name as invited), whose roles are assignments
 * (access/assignment.h) and whose certificates poterne-client signs. */
#define KIND_OPERATOR "operator"
/* Scope "/", name: SHA-256 of the code in hex, expires: the code's end; body {"operator": uid,
 * "status": "open"|"used"|"void"}. */
#define KIND_INVITATION "invitation"

#endif
