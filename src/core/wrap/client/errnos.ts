import { constants } from 'node:os';

/** errno(3), as programs are told. */
export const errnos = constants.errno;
