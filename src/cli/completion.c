#include "cli/nouns.h"
#include "cli/parse.h"

/*
 * The scripts ask the program itself what can stand where, so they never fall behind it: see
 * complete.c.
 */
static const char bash_script[] =
    "# bash completion for poterne; from `poterne completion bash`\n"
    "_poterne()\n"
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} line\n"
    "    local -a lines\n"
    "    [[ $current == = ]] && current=\n"
    "    COMPREPLY=()\n"
    "    mapfile -t lines < <(\"${COMP_WORDS[0]}\" __complete -- "
    "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "    for line in \"${lines[@]}\"; do\n"
    "        case $line in\n"
    "        :file)\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$current\")\n"
    "            ;;\n"
    "        :folder)\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -d -- \"$current\")\n"
    "            ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "complete -F _poterne poterne\n";

static const char zsh_script[] =
    "#compdef poterne\n"
    "# zsh completion for poterne; from `poterne completion zsh`\n"
    "_poterne()\n"
    "{\n"
    "    local line value\n"
    "    local -a lines candidates\n"
    "    lines=(\"${(@f)$(\"${words[1]}\" __complete -- \"${(@)words[2,CURRENT]}\" "
    "2>/dev/null)}\")\n"
    "    for line in \"${lines[@]}\"; do\n"
    "        case $line in\n"
    "        '') ;;\n"
    "        :file) compset -P '--*='; _files ;;\n"
    "        :folder) compset -P '--*='; _files -/ ;;\n"
    "        *)\n"
    "            value=${line%%$'\\t'*}\n"
    "            value=${value//:/\\\\:}\n"
    "            [[ $line == *$'\\t'* ]] && value+=:${line#*$'\\t'}\n"
    "            candidates+=(\"$value\")\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    (( ${#candidates} )) && _describe poterne candidates\n"
    "}\n"
    "if [[ $funcstack[1] == _poterne ]]; then\n"
    "    _poterne \"$@\"\n"
    "else\n"
    "    compdef _poterne poterne\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for poterne; from `poterne completion fish`\n"
    "function __poterne_complete\n"
    "    set -l before (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    for line in ($before[1] __complete -- $before[2..-1] \"$current\" 2>/dev/null)\n"
    "        switch $line\n"
    "            case :file\n"
    "                __fish_complete_path \"$current\"\n"
    "            case :folder\n"
    "                __fish_complete_directories \"$current\" ''\n"
    "            case '*'\n"
    "                printf '%s\\n' $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c poterne -f -a '(__poterne_complete)'\n";

int builtin_completion(const struct line *line, struct buf *out, struct err *e)
{
    static const struct {
        const char *shell, *script;
    } scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };

    for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
        if (strcmp(line_text(line, "shell"), scripts[i].shell) == 0)
            buf_add_str(out, scripts[i].script);
    return buf_check(out, e);
}
