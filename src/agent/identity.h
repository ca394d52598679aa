#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "agent/run.h"

/* The agent's own key and certificate, in its folder. */

/* A CSR of the key in `name`, which is made when there is none; PEM. */
int identity_csr(int home, const char *name, struct buf *csr, struct err *e) MUST_CHECK;
/* A certificate for our key signed by itself, DER: CMS names a reader by a certificate, and that of
 * the daemon forbids key agreement. */
int identity_recipient(int home, struct buf *cert, struct buf *key_pem, struct err *e) MUST_CHECK;

#endif
