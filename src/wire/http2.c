#include "wire/http_conn.h"

int http2_new(struct http_conn **ret, const struct http_limits *limits, struct err *e)
{
    (void)ret;
    (void)limits;
    return err_set(e, ERR_INTERNAL, "HTTP/2 is not there yet");
}
