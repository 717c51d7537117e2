# What zsh completes for a line: zsh -f _zsh-capture.zsh SCRIPT OUTPUT LINE. A real interactive zsh in a pseudo-terminal,
# with compadd listening in.
zmodload zsh/zpty
out=$2
zpty z "TERM=dumb zsh -f -i"
setup='autoload -Uz compinit; compinit -u -D; source '$1'; PS1=
compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return $?; fi
 local -a hits; builtin compadd -A hits "$@"; builtin compadd "$@"; (( $#hits )) && print -l -- $hits >> '$out'; }
bindkey "^I" complete-word
finish() { print done >> '$out'; BUFFER= }; zle -N finish; bindkey "^X^E" finish
print ready >> '$out
zpty -w z "${setup//$'\n'/; }"
for i in {1..400}; do grep -q ready $out 2>/dev/null && break; sleep 0.05; done
zpty -w -n z "$3"$'\t'
zpty -w -n z $'\x18\x05'
for i in {1..400}; do grep -q done $out && break; zpty -r -t z seen; sleep 0.05; done
zpty -d z
grep -v -e '^ready$' -e '^done$' $out
exit 0
