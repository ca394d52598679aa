#ifndef API_AUTHORIZE_H
#define API_AUTHORIZE_H

#include "api/match.h"

/*
 * Whether a principal may take a route with these parameters: ERR_REFUSED, ERR_ANONYMOUS. pki NULL:
 * nothing is open, so that what a path names is not known. What is named and is not there counts as
 * the scope above it, so that whoever may not see a thing cannot tell whether it is there.
 */
int authorize(const struct principal *who, const struct match *match, struct pki *pki,
              struct err *e) MUST_CHECK;

#endif
