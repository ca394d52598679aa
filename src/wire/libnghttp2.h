#ifndef WIRE_LIBNGHTTP2_H
#define WIRE_LIBNGHTTP2_H

#include "base/err.h"
#include <nghttp2/nghttp2.h>

/*
 * nghttp2, loaded with the first HTTP/2 connection. The two limits at the end came with the answers
 * to rapid reset and to the flood of CONTINUATION frames; a library without them is refused.
 */
#define LIBNGHTTP2_FUNCTIONS(X)                                                                    \
    X(nghttp2_option_del)                                                                          \
    X(nghttp2_option_new)                                                                          \
    X(nghttp2_option_set_max_outbound_ack)                                                         \
    X(nghttp2_option_set_max_settings)                                                             \
    X(nghttp2_session_callbacks_del)                                                               \
    X(nghttp2_session_callbacks_new)                                                               \
    X(nghttp2_session_callbacks_set_on_begin_frame_callback)                                       \
    X(nghttp2_session_callbacks_set_on_begin_headers_callback)                                     \
    X(nghttp2_session_callbacks_set_on_data_chunk_recv_callback)                                   \
    X(nghttp2_session_callbacks_set_on_frame_recv_callback)                                        \
    X(nghttp2_session_callbacks_set_on_frame_send_callback)                                        \
    X(nghttp2_session_callbacks_set_on_header_callback)                                            \
    X(nghttp2_session_callbacks_set_on_invalid_header_callback)                                    \
    X(nghttp2_session_callbacks_set_on_stream_close_callback)                                      \
    X(nghttp2_session_del)                                                                         \
    X(nghttp2_session_get_last_proc_stream_id)                                                     \
    X(nghttp2_session_get_outbound_queue_size)                                                     \
    X(nghttp2_session_get_stream_user_data)                                                        \
    X(nghttp2_session_mem_recv)                                                                    \
    X(nghttp2_session_mem_send)                                                                    \
    X(nghttp2_session_resume_data)                                                                 \
    X(nghttp2_session_server_new2)                                                                 \
    X(nghttp2_session_set_stream_user_data)                                                        \
    X(nghttp2_session_terminate_session)                                                           \
    X(nghttp2_session_want_read)                                                                   \
    X(nghttp2_session_want_write)                                                                  \
    X(nghttp2_strerror)                                                                            \
    X(nghttp2_submit_goaway)                                                                       \
    X(nghttp2_submit_headers)                                                                      \
    X(nghttp2_submit_ping)                                                                         \
    X(nghttp2_submit_response)                                                                     \
    X(nghttp2_submit_rst_stream)                                                                   \
    X(nghttp2_submit_settings)                                                                     \
    X(nghttp2_submit_shutdown_notice)                                                              \
    X(nghttp2_option_set_max_continuations)                                                        \
    X(nghttp2_option_set_stream_reset_rate_limit)

struct libnghttp2 {
#define LIBNGHTTP2_MEMBER(name) __typeof__(&name) name;
    LIBNGHTTP2_FUNCTIONS(LIBNGHTTP2_MEMBER)
#undef LIBNGHTTP2_MEMBER
};

/* ERR_INTERNAL: it is not installed, or too old. */
int libnghttp2_load(const struct libnghttp2 **ret, struct err *e) MUST_CHECK;

#endif
