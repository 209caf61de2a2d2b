// The program under the supervisor's seccomp filter (src/native/supervisor).
#pragma once

// In the process that is to become the program: gets the filter from wrap over the socket
// `channel`, installs it, hands its notification descriptor back and waits for wrap's word to go
// on. The socket is closed then. Ends the process where that fails, wrap having been told why.
//
// On the socket, in this order:
//   wrap → us   uint32 count, then as many struct sock_filter
//   us → wrap   struct handOver, with the notification descriptor beside it if `error` is 0
//   wrap → us   one byte: 'g' go on, anything else (or nothing): end
void comeUnderSupervision(int channel);
