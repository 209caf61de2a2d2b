import type { Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';
import type { Concern } from './concern.ts';
import { type EndingCredential, endingCredentials } from './ending-credentials.ts';

/** Local identities whose certificates end, or were taken back by the local CA, and that have no other of their kind. */
export async function identityConcerns(db: Kysely<Schema>, now: Date): Promise<Concern[]> {
  return (await endingCredentials(db, now)).map((credential) => {
    const { code, id, role, keyType, words } = credential;
    const message = `the certificate of ${id} (${role}, ${keyType}) ${words}`;
    return { code, about: id, message, hint: renewalHint(credential) };
  });
}

/** By whom it was signed the last time; what was revoked is not renewed by the way. */
export function renewalHint({ id, role, keyType, signedBy, code }: EndingCredential): string {
  if (signedBy === 'local-ca' && code !== 'identity-revoked') {
    return `Renew it: tlspool identities renew ${id}`;
  }
  const usual = id.includes('@') ? 'client' : 'server';
  const flags = [
    '--renew',
    ...(keyType === 'ec-p256' ? [] : [`--key ${keyType}`]),
    ...(role === usual ? [] : [`--role ${role}`]),
  ].join(' ');
  switch (signedBy) {
    case 'local-ca':
      return `Renew it: tlspool identities create ${id} ${flags}`;
    case 'itself':
      return `Renew it: tlspool identities create ${id} ${flags} --self-signed`;
    case 'another-ca':
      return `Renew it: tlspool identities csr ${id} ${flags}, and install what the CA answers.`;
  }
}
