# bash completion for tlspool. Made by `npm run build` from the commands: do not edit.

_tlspool_words() {
  local words=''
  case "$1" in
    '') words='authz ca disclose identities init pin ping serve sessions status tokens trust tunnel wrap' ;;
    'authz') words='allow allow-program check close deny explain export group import list log open remove test whoami' ;;
    'authz group') words='add create import list members remove' ;;
    'ca') words='crl export issue list revoke sign' ;;
    'disclose') words='add list remove test' ;;
    'identities') words='create csr export import install list remove renew select show' ;;
    'pin') words='enter lock status' ;;
    'sessions') words='close list show' ;;
    'tokens') words='init list' ;;
    'trust') words='add check distrust expression import-system list pin remove unpin' ;;
    'trust expression') words='set show' ;;
  esac
  printf '%s' "$words"
}

_tlspool_flags() {
  local flags=''
  case "$1" in
    '') flags='--version -V' ;;
    'authz allow') flags='--to --service --from --validated --hours --name --expires --note --strict --dry-run --apply-to-open' ;;
    'authz allow-program') flags='--user --group --exe --digest --unit --as --role --name --expires --note --strict --dry-run --apply-to-open' ;;
    'authz check') flags='--to --service --address --validated --at --uid --program --role --explain --strict' ;;
    'authz close') flags='--note --strict --dry-run --apply-to-open' ;;
    'authz deny') flags='--to --service --from --validated --hours --name --expires --note --strict --dry-run --apply-to-open' ;;
    'authz explain') flags='--last --denied' ;;
    'authz export') flags='' ;;
    'authz group add') flags='--strict --dry-run --apply-to-open' ;;
    'authz group create') flags='--ldap --ldap-group --ldap-bind-dn --ldap-password-file --ldap-ca-file --ldap-starttls --refresh --stale --file --note --strict --dry-run --apply-to-open' ;;
    'authz group import') flags='--replace --note --strict --dry-run --apply-to-open' ;;
    'authz group list') flags='' ;;
    'authz group members') flags='' ;;
    'authz group remove') flags='--strict --dry-run --apply-to-open --whole' ;;
    'authz import') flags='--strict --dry-run --apply-to-open' ;;
    'authz list') flags='--for' ;;
    'authz log') flags='--number -n --denied' ;;
    'authz open') flags='--note --strict --dry-run --apply-to-open' ;;
    'authz remove') flags='--dry-run --apply-to-open' ;;
    'authz test') flags='--policy --format' ;;
    'authz whoami') flags='--cert --role' ;;
    'ca crl') flags='--kind --days --out -o --pin-file' ;;
    'ca export') flags='--kind --out -o' ;;
    'ca issue') flags='--p12 --unsafe-key-outside-token --passphrase-file --role --key --days --pin-file' ;;
    'ca list') flags='--all --expiring --revoked' ;;
    'ca revoke') flags='--apply-to-open' ;;
    'ca sign') flags='--as --role --days --out -o --pin-file' ;;
    'disclose add') flags='--first' ;;
    'disclose list') flags='' ;;
    'disclose remove') flags='' ;;
    'disclose test') flags='--local-id' ;;
    'identities create') flags='--role --key --self-signed --days --renew --token --pin-file' ;;
    'identities csr') flags='--role --key --renew --out -o --token --pin-file' ;;
    'identities export') flags='--credential --out -o' ;;
    'identities import') flags='--key --role --passphrase-file --token --pin-file' ;;
    'identities install') flags='' ;;
    'identities list') flags='--expiring' ;;
    'identities remove') flags='--credential --delete-key --yes -y --pin-file' ;;
    'identities renew') flags='--within --dry-run --pin-file' ;;
    'identities select') flags='--ask --auto' ;;
    'identities show') flags='' ;;
    'init') flags='--module --token --pin-source --pin-file --label' ;;
    'pin') flags='--pinentry --ask-password --from --token' ;;
    'pin enter') flags='--pinentry --ask-password --from' ;;
    'pin lock') flags='' ;;
    'pin status') flags='' ;;
    'ping') flags='' ;;
    'serve') flags='--client-config' ;;
    'sessions close') flags='--abort' ;;
    'sessions list') flags='' ;;
    'sessions show') flags='--peer' ;;
    'status') flags='--check' ;;
    'tokens init') flags='--label --token --module --pin-source --pin-file --so-pin-source' ;;
    'tokens list') flags='--module' ;;
    'trust add') flags='--role --for --system --crl' ;;
    'trust check') flags='--chain --as --role --service' ;;
    'trust distrust') flags='--key --apply-to-open --note' ;;
    'trust expression set') flags='--role --anchor --local-id --default' ;;
    'trust expression show') flags='' ;;
    'trust import-system') flags='--for' ;;
    'trust list') flags='' ;;
    'trust pin') flags='--days --roll-over' ;;
    'trust remove') flags='--system' ;;
    'trust unpin') flags='' ;;
    'tunnel') flags='--accept --connect --from --udp --client --remote-id --local-id --service --request-remote-id --require-remote-id --alpn --standalone --max-handshakes --drain-timeout --starttls --unsafe-tls-optional --proxy-header --proxy-from' ;;
    'wrap') flags='--local-id --service --request-remote-id --require-remote-id --alpn --standalone --max-handshakes --drain-timeout --listen --inetd --tls --starttls --plain --unsafe-tls-optional --dry-run --restart --client-tls --client-starttls --remote-id --proxy-header --proxy-from --max-connections --user --group --quiet -q' ;;
  esac
  printf '%s' "$flags --json --socket --state-dir --config --no-input --help -h"
}

_tlspool_arguments() {
  local words=''
  case "$1" in
    '') ;;
  esac
  printf '%s' "$words"
}

# Completes the value of a flag; fails if the flag takes none.
_tlspool_value() {
  case "$1 $2" in
    'authz allow --to') COMPREPLY=() ;;
    'authz allow --service') COMPREPLY=() ;;
    'authz allow --from') COMPREPLY=() ;;
    'authz allow --validated') COMPREPLY=() ;;
    'authz allow --hours') COMPREPLY=() ;;
    'authz allow --name') COMPREPLY=() ;;
    'authz allow --expires') COMPREPLY=() ;;
    'authz allow --note') COMPREPLY=() ;;
    'authz allow-program --user') COMPREPLY=() ;;
    'authz allow-program --group') COMPREPLY=() ;;
    'authz allow-program --exe') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'authz allow-program --digest') COMPREPLY=() ;;
    'authz allow-program --unit') COMPREPLY=() ;;
    'authz allow-program --as') COMPREPLY=() ;;
    'authz allow-program --role') mapfile -t COMPREPLY < <(compgen -W 'client server' -- "$current") ;;
    'authz allow-program --name') COMPREPLY=() ;;
    'authz allow-program --expires') COMPREPLY=() ;;
    'authz allow-program --note') COMPREPLY=() ;;
    'authz check --to') COMPREPLY=() ;;
    'authz check --service') COMPREPLY=() ;;
    'authz check --address') COMPREPLY=() ;;
    'authz check --validated') COMPREPLY=() ;;
    'authz check --at') COMPREPLY=() ;;
    'authz check --uid') COMPREPLY=() ;;
    'authz check --program') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'authz check --role') mapfile -t COMPREPLY < <(compgen -W 'client server' -- "$current") ;;
    'authz close --note') COMPREPLY=() ;;
    'authz deny --to') COMPREPLY=() ;;
    'authz deny --service') COMPREPLY=() ;;
    'authz deny --from') COMPREPLY=() ;;
    'authz deny --validated') COMPREPLY=() ;;
    'authz deny --hours') COMPREPLY=() ;;
    'authz deny --name') COMPREPLY=() ;;
    'authz deny --expires') COMPREPLY=() ;;
    'authz deny --note') COMPREPLY=() ;;
    'authz group create --ldap') COMPREPLY=() ;;
    'authz group create --ldap-group') COMPREPLY=() ;;
    'authz group create --ldap-bind-dn') COMPREPLY=() ;;
    'authz group create --ldap-password-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'authz group create --ldap-ca-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'authz group create --refresh') COMPREPLY=() ;;
    'authz group create --stale') COMPREPLY=() ;;
    'authz group create --file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'authz group create --note') COMPREPLY=() ;;
    'authz group import --note') COMPREPLY=() ;;
    'authz list --for') COMPREPLY=() ;;
    'authz log --number'|'authz log -n') COMPREPLY=() ;;
    'authz open --note') COMPREPLY=() ;;
    'authz test --policy') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'authz test --format') mapfile -t COMPREPLY < <(compgen -W 'text tap junit' -- "$current") ;;
    'authz whoami --cert') COMPREPLY=() ;;
    'authz whoami --role') mapfile -t COMPREPLY < <(compgen -W 'client server' -- "$current") ;;
    'ca crl --kind') mapfile -t COMPREPLY < <(compgen -W 'ec rsa both' -- "$current") ;;
    'ca crl --days') COMPREPLY=() ;;
    'ca crl --out'|'ca crl -o') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'ca crl --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'ca export --kind') mapfile -t COMPREPLY < <(compgen -W 'ec rsa both' -- "$current") ;;
    'ca export --out'|'ca export -o') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'ca issue --p12') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'ca issue --passphrase-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'ca issue --role') mapfile -t COMPREPLY < <(compgen -W 'server client both' -- "$current") ;;
    'ca issue --key') mapfile -t COMPREPLY < <(compgen -W 'ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096' -- "$current") ;;
    'ca issue --days') COMPREPLY=() ;;
    'ca issue --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'ca list --expiring') COMPREPLY=() ;;
    'ca sign --as') COMPREPLY=() ;;
    'ca sign --role') mapfile -t COMPREPLY < <(compgen -W 'server client both' -- "$current") ;;
    'ca sign --days') COMPREPLY=() ;;
    'ca sign --out'|'ca sign -o') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'ca sign --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'disclose test --local-id') COMPREPLY=() ;;
    'identities create --role') mapfile -t COMPREPLY < <(compgen -W 'server client both' -- "$current") ;;
    'identities create --key') mapfile -t COMPREPLY < <(compgen -W 'ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096' -- "$current") ;;
    'identities create --days') COMPREPLY=() ;;
    'identities create --token') COMPREPLY=() ;;
    'identities create --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities csr --role') mapfile -t COMPREPLY < <(compgen -W 'server client both' -- "$current") ;;
    'identities csr --key') mapfile -t COMPREPLY < <(compgen -W 'ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096' -- "$current") ;;
    'identities csr --out'|'identities csr -o') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities csr --token') COMPREPLY=() ;;
    'identities csr --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities export --credential') COMPREPLY=() ;;
    'identities export --out'|'identities export -o') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities import --key') COMPREPLY=() ;;
    'identities import --role') mapfile -t COMPREPLY < <(compgen -W 'server client both' -- "$current") ;;
    'identities import --passphrase-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities import --token') COMPREPLY=() ;;
    'identities import --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities list --expiring') COMPREPLY=() ;;
    'identities remove --credential') COMPREPLY=() ;;
    'identities remove --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities renew --within') COMPREPLY=() ;;
    'identities renew --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'identities select --ask') mapfile -t COMPREPLY < <(compgen -W 'new general all' -- "$current") ;;
    'identities select --auto') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'init --module') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'init --token') COMPREPLY=() ;;
    'init --pin-source') COMPREPLY=() ;;
    'init --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'init --label') COMPREPLY=() ;;
    'pin --pinentry') COMPREPLY=() ;;
    'pin --from') COMPREPLY=() ;;
    'pin --token') COMPREPLY=() ;;
    'pin enter --pinentry') COMPREPLY=() ;;
    'pin enter --from') COMPREPLY=() ;;
    'serve --client-config') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'sessions show --peer') COMPREPLY=() ;;
    'tokens init --label') COMPREPLY=() ;;
    'tokens init --token') COMPREPLY=() ;;
    'tokens init --module') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'tokens init --pin-source') COMPREPLY=() ;;
    'tokens init --pin-file') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'tokens init --so-pin-source') COMPREPLY=() ;;
    'tokens list --module') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'trust add --role') mapfile -t COMPREPLY < <(compgen -W 'server client both' -- "$current") ;;
    'trust add --for') COMPREPLY=() ;;
    'trust add --crl') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'trust check --chain') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'trust check --as') COMPREPLY=() ;;
    'trust check --role') mapfile -t COMPREPLY < <(compgen -W 'server client' -- "$current") ;;
    'trust check --service') COMPREPLY=() ;;
    'trust distrust --note') COMPREPLY=() ;;
    'trust expression set --role') mapfile -t COMPREPLY < <(compgen -W 'server client' -- "$current") ;;
    'trust expression set --anchor') COMPREPLY=() ;;
    'trust expression set --local-id') COMPREPLY=() ;;
    'trust import-system --for') COMPREPLY=() ;;
    'trust pin --days') COMPREPLY=() ;;
    'trust pin --roll-over') COMPREPLY=() ;;
    'tunnel --accept') COMPREPLY=() ;;
    'tunnel --connect') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'tunnel --from') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    'tunnel --remote-id') COMPREPLY=() ;;
    'tunnel --local-id') COMPREPLY=() ;;
    'tunnel --service') COMPREPLY=() ;;
    'tunnel --alpn') COMPREPLY=() ;;
    'tunnel --max-handshakes') COMPREPLY=() ;;
    'tunnel --drain-timeout') COMPREPLY=() ;;
    'tunnel --starttls') COMPREPLY=() ;;
    'tunnel --proxy-header') mapfile -t COMPREPLY < <(compgen -W 'v1 v2' -- "$current") ;;
    'tunnel --proxy-from') COMPREPLY=() ;;
    'wrap --local-id') COMPREPLY=() ;;
    'wrap --service') COMPREPLY=() ;;
    'wrap --alpn') COMPREPLY=() ;;
    'wrap --max-handshakes') COMPREPLY=() ;;
    'wrap --drain-timeout') COMPREPLY=() ;;
    'wrap --listen') COMPREPLY=() ;;
    'wrap --tls') COMPREPLY=() ;;
    'wrap --starttls') COMPREPLY=() ;;
    'wrap --plain') COMPREPLY=() ;;
    'wrap --unsafe-tls-optional') COMPREPLY=() ;;
    'wrap --restart') mapfile -t COMPREPLY < <(compgen -W 'no on-failure always' -- "$current") ;;
    'wrap --client-tls') COMPREPLY=() ;;
    'wrap --client-starttls') COMPREPLY=() ;;
    'wrap --remote-id') COMPREPLY=() ;;
    'wrap --proxy-header') mapfile -t COMPREPLY < <(compgen -W 'v1 v2' -- "$current") ;;
    'wrap --proxy-from') COMPREPLY=() ;;
    'wrap --max-connections') COMPREPLY=() ;;
    'wrap --user') COMPREPLY=() ;;
    'wrap --group') COMPREPLY=() ;;
    *' --socket') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *' --state-dir') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *' --config') compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *) return 1 ;;
  esac
}

_tlspool() {
  local current="${COMP_WORDS[COMP_CWORD]}" command='' word flag='' index
  COMPREPLY=()

  for ((index = 1; index < COMP_CWORD; index++)); do
    if [[ ${COMP_WORDS[index]} == -- ]]; then
      # What follows is a program and its arguments.
      if declare -F _command_offset > /dev/null; then
        _command_offset $((index + 1))
      elif ((index + 1 == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
      fi
      return
    fi
  done

  for ((index = 1; index < COMP_CWORD; index++)); do
    word="${COMP_WORDS[index]}"
    [[ " $(_tlspool_words "$command") " == *" $word "* ]] || break
    command="${command:+$command }$word"
  done

  # --flag VALUE and --flag=VALUE (bash makes the = a word of its own)
  if [[ $current == '=' ]]; then
    flag="${COMP_WORDS[COMP_CWORD - 1]}"
    current=''
  elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then
    flag="${COMP_WORDS[COMP_CWORD - 2]}"
  else
    flag="${COMP_WORDS[COMP_CWORD - 1]}"
  fi
  if [[ $flag == -* ]] && _tlspool_value "$command" "$flag"; then
    return
  fi

  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_tlspool_flags "$command")" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(_tlspool_words "$command") $(_tlspool_arguments "$command")" -- "$current")
  fi
}

complete -F _tlspool tlspool
