#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cleanup.h"

/* To stderr, one line each. Only cli, daemon and agent log; each failure is logged once. */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO };

void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
