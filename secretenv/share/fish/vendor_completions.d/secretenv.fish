# Completion of secretenv for fish.

function __secretenv_complete
    set -l tokens (commandline -opc)
    set -l last (commandline -ct)
    if set -l at (contains -i -- -- $tokens) # the command and its own arguments
        set -e tokens[1..$at]
        complete -C (string join ' ' -- (string escape -- $tokens) $last)
        return
    end
    set -l found (env _SECRETENV_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \
        _TYPER_COMPLETE_ARGS=(commandline -cp | string collect) $tokens[1] 2>/dev/null)
    if test -n "$found"
        if set -l before (string match -r -- '^--[^=]+=' $last)
            set found $before$found
        end
        string join \n -- $found
    else
        __fish_complete_path $last
    end
end

complete --command secretenv --no-files --arguments '(__secretenv_complete)'
