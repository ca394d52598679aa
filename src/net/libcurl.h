#ifndef NET_LIBCURL_H
#define NET_LIBCURL_H

#include "base/err.h"
#define CURL_DISABLE_TYPECHECK /* its macros take a call through a pointer for their own */
#include <curl/curl.h>

/* libcurl, loaded on first use: linked, it would bring thirty shared objects into every start. It
 * must be the flavour that is built on OpenSSL. */
#define LIBCURL_FUNCTIONS(X)                                                                       \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_init)                                                                              \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_reset)                                                                             \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_global_init)                                                                            \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)

struct libcurl {
#define LIBCURL_MEMBER(name) __typeof__(&name) name;
    LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
#undef LIBCURL_MEMBER
};

/* ERR_INTERNAL: it is not installed, or not the version that we were built with. */
int libcurl_load(const struct libcurl **ret, struct err *e) MUST_CHECK;

#endif
