#include "api/client.h"

/* `state check`: the answer as it came, and an exit code. */
enum { EXIT_FAULT = 7 };

/* So damaged that it does not open: that is what the check has found. */
static void put_unopened(struct json_writer *reply, const char *text)
{
    json_put_array(reply, "items");
    json_put_object(reply, NULL);
    json_put_text(reply, "check", "open");
    json_put_text(reply, "subject", "state directory");
    json_put_text(reply, "text", text);
    json_put_end(reply);
    json_put_end(reply);
    json_put_bool(reply, "good", false);
    json_put_int(reply, "faults", 1);
}

int client_state_check(struct client *client, const struct json_value *args,
                       struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(json_freep) struct json *answer = NULL;
    struct err why = { 0 };

    (void)args;
    if (client_call(client, HTTP_POST, "/v1/state/check", slice_of(NULL, 0), &answer, &why)) {
        if (why.code != ERR_CORRUPT)
            return err_pass(e, &why);
        put_unopened(reply, why.msg);
        result->exit = EXIT_FAULT;
        return 0;
    }
    client_put_answer(reply, json_root(answer));
    if (!json_bool(json_get(json_root(answer), "good"), false))
        result->exit = EXIT_FAULT;
    return 0;
}
