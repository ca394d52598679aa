#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cleanup.h"
#include <stdbool.h>

/* To stderr, one line each. Only cli, daemon and agent log; each failure is logged once. */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO };

void log_set_level(enum log_level level);
bool log_wants(enum log_level level);
/* Lines of JSON in place of text: {"time","level","process","message"}. process: static; NULL is
 * for a program of one process, and leaves the member out. */
void log_set_json(bool json, const char *process);
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same event in two forms: text for people, and members of a JSON object (`"a":1,"b":"c"`),
 * which stand in the place of "message". */
void log_event(enum log_level level, const char *text, const char *members);

#endif
