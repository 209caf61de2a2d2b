import type { Authored } from './rule.ts';
import type { Member } from './who.ts';

/** Remotes under one name. */
export interface Group extends Authored {
  readonly name: string;
  readonly source: GroupSource;
}

/** Where the members of a group are kept. */
export type GroupSource =
  | { readonly kind: 'store' }
  /** A file with one DoNAI, selector or `group:NAME` a line. */
  | { readonly kind: 'file'; readonly path: string }
  | LdapSource;

/** A group of a directory: each member's `mail` is a DoNAI. */
export interface LdapSource {
  readonly kind: 'ldap';
  /** `ldaps://directory.example.com`; `ldap://` is for loopback and for StartTLS. */
  readonly url: string;
  /** The group's distinguished name. */
  readonly dn: string;
  readonly bindDn: string | undefined;
  /** Absolute path of the file that has the password. */
  readonly passwordFile: string | undefined;
  /** PEM; undefined: the CAs of the system. */
  readonly caFile: string | undefined;
  readonly startTls: boolean;
  /** Seconds between looks. */
  readonly refresh: number;
  /** Seconds after which members that were read are not believed any more. */
  readonly stale: number;
}

/** What is known of a group's members at some moment. */
export interface GroupMembers {
  readonly group: string;
  readonly members: readonly Member[];
  /** Why there may be others; undefined: that is all. */
  readonly gap: Gap | undefined;
}

/** Why a membership is not known. */
export interface Gap {
  readonly group: string;
  readonly reason: 'stale' | 'unknown-group';
  /** For people. */
  readonly text: string;
}

/** Where the members are; '' for the store. */
export function describeSource(source: GroupSource): string {
  switch (source.kind) {
    case 'store':
      return '';
    case 'file':
      return source.path;
    case 'ldap':
      return `${source.dn} at ${source.url}`;
  }
}
