# What bash would offer for the command line $2…, cut into words as bash does, with the completion in the file $1.
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_tlspool
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
