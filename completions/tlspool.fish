# fish completion for tlspool. Made by `npm run build` from the commands: do not edit.

# Whether the words typed so far are exactly this command or topic, with nothing run behind `--` yet.
function __tlspool_at
    set -l typed (commandline -opc)[2..]
    contains -- -- $typed; and return 1
    set -l found
    for word in $typed
        string match -q -- '-*' $word; and break
        set -l longer (string join ' ' $found $word)
        contains -- "$longer" 'tunnel' 'wrap'; or break
        set -a found $word
    end
    test "$argv[1]" = "$found"
end

# Whether a program is being typed, behind `--`.
function __tlspool_program
    contains -- -- (commandline -opc)
end

complete -c tlspool -f
complete -c tlspool -n '__tlspool_at \'\'' -l version -s V -d 'show the version'
complete -c tlspool -n '__tlspool_at \'\'' -l help -s h -d 'show the commands'
complete -c tlspool -n '__tlspool_program' -a '(__fish_complete_subcommand --fcs-skip=(math (contains -i -- -- (commandline -opc)) + 0))'

complete -c tlspool -n '__tlspool_at \'\'' -f -a 'tunnel' -d 'carry connections through TLS'
complete -c tlspool -n '__tlspool_at \'\'' -f -a 'wrap' -d 'run a program behind TLS'

complete -c tlspool -n '__tlspool_at \'tunnel\'' -l accept -x -d 'where connections come in: an address, [IPV6], * or a host name, and a port'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l connect -r -F -d 'where they go to: an address or a host name and a port, or a UNIX socket'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l from -r -F -d 'file of tunnels'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l client -d 'speak TLS where --connect leads to'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l remote-id -x -d 'whom the server must prove to be [default: the name in --connect]'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l local-id -x -d 'identity to show; may be repeated, the name that the client asks for (SNI) chooses among them. Default: the only server identity there is'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l service -x -d 'IANA service name, such as https: what rules about access are told'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l request-remote-id -d 'ask clients who they are; one that does not say may go on, one that lies may not'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l require-remote-id -d 'ask clients who they are, and refuse those that do not prove it'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l alpn -x -d 'application protocols in order of preference, separated by commas; others are refused'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l standalone -d 'run a pool of our own inside instead of using the daemon'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l max-handshakes -x -d 'handshakes at once; more connections wait'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l drain-timeout -x -d 'how long open sessions may go on at the end'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l json -d 'print one JSON object instead of text, for errors too'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l socket -r -F -d 'socket of the pool'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l state-dir -x -a '(__fish_complete_directories)' -d 'where identities, trust and tokens are kept'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l config -r -F -d 'configuration file'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l no-input -d 'never ask; fail and name the flag instead'
complete -c tlspool -n '__tlspool_at \'tunnel\'' -l help -s h -d 'show the help of this command'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l local-id -x -d 'identity to show; may be repeated, the name that the client asks for (SNI) chooses among them. Default: the only server identity there is'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l service -x -d 'IANA service name, such as https: what rules about access are told'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l request-remote-id -d 'ask clients who they are; one that does not say may go on, one that lies may not'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l require-remote-id -d 'ask clients who they are, and refuse those that do not prove it'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l alpn -x -d 'application protocols in order of preference, separated by commas; others are refused'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l standalone -d 'run a pool of our own inside instead of using the daemon'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l max-handshakes -x -d 'handshakes at once; more connections wait'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l drain-timeout -x -d 'how long open sessions may go on at the end'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l listen -x -d 'where clients connect: an address, [IPV6], * or a host name, and a port; @ or @NAME takes sockets from socket activation. NAME is how the program finds its socket (LISTEN_FDNAMES)'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l inetd -d 'start the program once for each connection, the socket on stdin and stdout'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l max-connections -x -d 'programs at once [default: 100]; more connections wait'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l quiet -s q -d 'say nothing but failures'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l socket -r -F -d 'socket of the pool'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l state-dir -x -a '(__fish_complete_directories)' -d 'where identities, trust and tokens are kept'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l config -r -F -d 'configuration file'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l json -d 'print one JSON object instead of text, for errors too'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l no-input -d 'never ask; fail and name the flag instead'
complete -c tlspool -n '__tlspool_at \'wrap\'' -l help -s h -d 'show the help of this command'
