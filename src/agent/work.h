#ifndef AGENT_WORK_H
#define AGENT_WORK_H

#include "agent/run.h"

/* One look at the machine, and what follows from it: work.c decides and installs, rollout.c has
 * components take it up, report.c says how it is. */
struct work_file {
    const struct wanted_file *wanted;
    struct buf bytes, before;
    int64_t mtime; /* of what is there, nanoseconds */
    mode_t mode;
    bool exists, pending; /* its content comes with a pair or secret that is yet to be made */
};
struct work {
    struct agent *a;
    struct pair pair[DESIRED_MAX_LEAVES];
    int64_t pair_mtime[DESIRED_MAX_LEAVES];
    struct work_file file[DESIRED_MAX_FILES];
    size_t due;       /* pairs to be made */
    bool installed;   /* in this round */
    bool lease;       /* held */
    bool others_turn; /* another machine has the lease, or the rollout is stopped */
};
void work_clear(struct work *w);
/* Reads everything that is wanted, and judges it. */
int work_look(struct work *w, struct err *e) MUST_CHECK;
bool work_differs(const struct work *w);
bool work_file_differs(const struct work_file *f);
/* What would be done, a line each. */
void work_explain(const struct work *w);
/* Keys, certificates, secrets, files. */
int work_install(struct work *w, struct err *e) MUST_CHECK;

/* rollout.c */
int rollout_begin(struct work *w, struct err *e)
    MUST_CHECK; /* hook and, where it disturbs, lease */
/* Restarts what needs it, waits for what reloads. When health fails: files back, restart, stop. */
int rollout_take_up(struct work *w, struct err *e) MUST_CHECK;
int rollout_end(struct work *w, struct err *e) MUST_CHECK;
/* The newest change among the files that a component reads at its start; 0: none. */
int64_t rollout_changed(const struct work *w, const struct local_component *c);

/* report.c */
/* w NULL: nothing is known. */
int report_send(struct agent *a, const struct work *w, struct err *e) MUST_CHECK;

void agent_say(const struct agent *a, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
