/**
 * Scripts that make the shells ask the command itself at each tab.
 *
 * They hold no knowledge of commands: what can follow is computed by `candidates.ts`, so that it
 * is never older than the command. The words are passed after `--`; the last one is the one being
 * typed, perhaps empty. An answer of `:files` means that the shell shall complete file names.
 */

const BASH = `# Tab completion of atoll for bash.
_atoll() {
  local IFS=$'\\n' answer word="\${COMP_WORDS[COMP_CWORD]}"
  answer="$("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
  if [[ "$answer" == ":files" ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  [[ "$word" == "=" ]] && word=""
  COMPREPLY=($(compgen -W "$answer" -- "$word"))
  [[ "\${COMPREPLY[0]}" == */ ]] && compopt -o nospace 2>/dev/null
}
complete -F _atoll atoll
`;

const ZSH = `#compdef atoll
# Tab completion of atoll for zsh.
_atoll() {
  local answer
  answer="$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"
  if [[ "$answer" == ":files" ]]; then
    _files
    return
  fi
  local -a candidates
  candidates=("\${(@f)answer}")
  compadd -a candidates
}
if [[ "$funcstack[1]" == "_atoll" ]]; then _atoll "$@"; else compdef _atoll atoll; fi
`;

const FISH = `# Tab completion of atoll for fish.
function __atoll_candidates
  set -l words (commandline -opc)
  set -l answer ($words[1] __complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
  if test "$answer" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c atoll -f -a '(__atoll_candidates)'
`;

export type Shell = "bash" | "zsh" | "fish";

export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
};
