# What zsh would offer for the command line $1, a word a line, with the completions of the directory $2.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=''; fpath=(${(q)2} \$fpath); autoload -Uz compinit; compinit -D -u; stty -echo"
zpty -w shell '
  offer() {
    compadd() {
      [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
      local -a hits
      local hit
      builtin compadd -A hits "$@"
      for hit in $hits; do print -r -- "OFFER $hit"; done
    }
    _main_complete
    print -r -- "FI""NISHED"
  }
  zle -C offer list-choices offer
  bindkey "^X" offer
  print REA""DY'
while zpty -r shell line; do [[ $line == *READY* ]] && break; done
zpty -w -n shell "$1"$'\C-x'
while zpty -r shell line; do
  [[ $line == *FINISHED* ]] && break
  [[ $line == *'OFFER '* ]] && { line=${line##*OFFER }; print -r -- ${line%%[[:cntrl:]]*} }
done
zpty -d shell
