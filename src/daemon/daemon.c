#include "daemon/daemon.h"

#include "base/log.h"
#include "daemon/settings.h"

static int fail(const struct err *e)
{
    log_line(LOG_LEVEL_ERROR, "%s", err_text(e));
    return err_kind(e->code)->exit_code;
}

static int say_good(const struct settings *s)
{
    if (s->config)
        log_line(LOG_LEVEL_INFO, "the configuration in '%s' is good", s->config);
    else
        log_line(LOG_LEVEL_INFO, "the configuration is good; there is no file");
    return 0;
}

int daemon_main(const struct json_value *args, const char *state)
{
    CLEANUP(settings_clear) struct settings s = { 0 };
    struct err e = { 0 };

    if (settings_read(&s, args, state, &e))
        return fail(&e);
    if (s.check)
        return say_good(&s);
    err_set(&e, ERR_INTERNAL, "the daemon is not built yet");
    return fail(&e);
}
