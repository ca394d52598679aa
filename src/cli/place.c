#include "cli/place.h"

#include "cli/run.h"

void place_clear(struct place *p)
{
    free(p->state);
    contexts_clear(&p->contexts);
    context_target_clear(&p->target);
}

static int find_by_server(struct place *p, const char *server, struct err *e)
{
    p->context = contexts_find_server(&p->contexts, server);
    if (p->context)
        return 0;
    return err_set(e, ERR_NOT_FOUND,
                   "no context knows the server '%.300s': 'poterne login --server URL --ca-hash "
                   "sha256:...' makes one with a code that 'poterne operator invite' prints",
                   server);
}

static int find_by_name(struct place *p, const char *name, struct err *e)
{
    if (strcmp(name, CONTEXT_LOCAL) == 0)
        return 0;
    p->context = contexts_find(&p->contexts, name);
    if (p->context)
        return 0;
    return err_set(e, ERR_NOT_FOUND,
                   "there is no context '%.80s': 'poterne context list' shows those that are",
                   name);
}

static bool state_is_named(const struct line *line)
{
    const char *state = getenv("POTERNE_STATE");

    return line_text(line, "state") || (state && state[0]);
}

static int choose(struct place *p, const struct line *line, struct err *e)
{
    const char *server = line_text(line, "at_server"), *name = line_text(line, "at_context");
    CLEANUP(freep) char *file = NULL;

    if (server && name)
        return err_set(e, ERR_INVALID, "give --server or --context, not both");
    if (!server && !name && state_is_named(line))
        return 0;
    if (contexts_default(&file, server || name ? e : NULL))
        return server || name ? -1 : 0;
    if (contexts_read(&p->contexts, file, e))
        return -1;
    if (server)
        return find_by_server(p, server, e);
    if (name)
        return find_by_name(p, name, e);
    p->context = contexts_find(&p->contexts, p->contexts.current);
    return 0;
}

int place_find(struct place *p, const struct line *line, struct err *e)
{
    *p = (struct place){ 0 };
    if (choose(p, line, e) || run_state(line, &p->state, e))
        return -1;
    p->options.api.state = p->state;
    p->options.any_daemon = !state_is_named(line);
    if (p->context) {
        context_target_init(&p->target, &p->contexts, p->context);
        p->options.server = &p->target.options;
    }
    return 0;
}
