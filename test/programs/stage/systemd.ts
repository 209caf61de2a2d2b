import { spawnSync } from 'node:child_process';

/** Why nobody can be asked by systemd here, or false: what `skip` of a test takes. */
export function withoutSystemd(): string | false {
  const { status } = spawnSync('systemd-ask-password', ['--version'], { stdio: 'ignore' });
  return status !== 0 && 'systemd-ask-password is not there';
}
