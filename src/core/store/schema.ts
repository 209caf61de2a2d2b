import type { ColumnType, Generated } from 'kysely';

/** DER. */
type Blob = ColumnType<Buffer, Uint8Array, Uint8Array>;
/** ISO 8601, UTC. */
type Time = string;

/** Which TLS role a credential is for, or a remote must have for an anchor to vouch for it. */
export type StoredRole = 'server' | 'client' | 'both';

/** The tables, by name. Booleans, times and lists are text or integers, so that any SQL database can hold them. */
export interface Schema {
  readonly settings: SettingsTable;
  readonly modules: ModulesTable;
  readonly tokens: TokensTable;
  readonly authorities: AuthoritiesTable;
  readonly issued: IssuedTable;
  readonly identities: IdentitiesTable;
  readonly credentials: CredentialsTable;
  readonly requests: RequestsTable;
  readonly anchors: AnchorsTable;
  readonly disclosures: DisclosuresTable;
  readonly validation_policies: ValidationPoliciesTable;
  readonly distrusts: DistrustsTable;
  readonly pins: PinsTable;
  readonly crls: CrlsTable;
  readonly rules: RulesTable;
  readonly program_rules: ProgramRulesTable;
  readonly standings: StandingsTable;
  readonly groups: GroupsTable;
  readonly members: MembersTable;
  readonly fetched_members: FetchedMembersTable;
  readonly changes: ChangesTable;
  readonly unwelcome: UnwelcomeTable;
}

export interface SettingsTable {
  readonly key: string;
  value: string;
}

/** PKCS #11 modules. */
export interface ModulesTable {
  readonly path: string;
  /** SOFTHSM2_CONF for this module, if it is a SoftHSM of our own. */
  softhsm_conf: string | null;
}

export interface TokensTable {
  /** Canonical `pkcs11:` URI of the token. */
  readonly uri: string;
  readonly module_path: string;
  /** `file:…` or `credential:…`; null: someone logs in by hand. */
  pin_source: string | null;
}

/** The roots of the local CA: one per kind of key, leaves follow their key's kind. */
export interface AuthoritiesTable {
  readonly id: Generated<number>;
  readonly kind: 'ec' | 'rsa';
  readonly certificate: Blob;
  readonly key_uri: string;
}

/** Every certificate that the local CA ever signed. */
export interface IssuedTable {
  /** Lower-case hexadecimal, without leading zeros. */
  readonly serial: string;
  readonly authority_id: number;
  readonly donai: string;
  readonly role: StoredRole;
  readonly not_before: Time;
  readonly not_after: Time;
  readonly certificate: Blob;
  revoked_at: Time | null;
}

export interface IdentitiesTable {
  readonly id: Generated<number>;
  /** Canonical DoNAI, or `.example.com` for a wildcard. */
  readonly donai: string;
  readonly created_at: Time;
}

export interface CredentialsTable {
  readonly id: Generated<number>;
  readonly identity_id: number;
  readonly type: 'x509';
  readonly role: StoredRole;
  /** PEM, leaf first. */
  chain: string;
  readonly key_uri: string;
  readonly key_type: string;
  /** SubjectPublicKeyInfo. */
  readonly public_key: Blob;
  /** Validation expression that the remote must meet; null: none. */
  validation: string | null;
  /** Tried in ascending order. */
  preference: number;
  not_after: Time;
  readonly created_at: Time;
}

/** Certificate requests that wait for their certificate. */
export interface RequestsTable {
  readonly id: Generated<number>;
  readonly donai: string;
  readonly role: StoredRole;
  readonly key_uri: string;
  readonly key_type: string;
  readonly public_key: Blob;
  /** PEM. */
  readonly csr: string;
  readonly created_at: Time;
}

/** CA certificates, and what they vouch for. */
export interface AnchorsTable {
  readonly id: Generated<number>;
  readonly certificate: Blob;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  role: StoredRole;
  /** JSON array of DoNAI selectors. */
  selectors: string;
  validation: string | null;
  readonly source: 'operator' | 'local-ca' | 'system';
  readonly created_at: Time;
}

/** What every remote of a role must meet, whoever it is. */
export interface ValidationPoliciesTable {
  /** The remote's. */
  readonly role: 'server' | 'client';
  expression: string;
}

/** What is never believed, whoever vouches for it. */
export interface DistrustsTable {
  readonly id: Generated<number>;
  readonly kind: 'certificate' | 'key' | 'serial';
  /** Lower-case hexadecimal: SHA-256 of the certificate or of its SubjectPublicKeyInfo, or a serial number. */
  readonly value: string;
  readonly note: string;
  readonly created_at: Time;
}

/** Keys that remotes are known by. */
export interface PinsTable {
  readonly id: Generated<number>;
  /** Canonical DoNAI. */
  readonly remote: string;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly key: string;
  readonly source: 'operator' | 'first-use';
  readonly created_at: Time;
  readonly expires_at: Time | null;
  /** From then until it expires, another key may take its place, once. */
  readonly roll_over_at: Time | null;
}

/** Revocation lists from files. */
export interface CrlsTable {
  readonly id: Generated<number>;
  /** SHA-256 of the list, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** What it covers: issuer's Name, and IssuingDistributionPoint if it has one; SHA-256, lower-case hexadecimal. */
  readonly scope: string;
  readonly list: Blob;
  readonly this_update: Time;
  readonly next_update: Time | null;
  readonly created_at: Time;
}

/** Which of our identities which remotes may see. */
export interface DisclosuresTable {
  /** DoNAI selector. */
  readonly remote: string;
  /** DoNAI of a local identity. */
  readonly local: string;
  /** Within the remote, ascending; not necessarily without gaps. */
  position: number;
  readonly created_at: Time;
}

interface AuthoredTable {
  readonly note: string;
  readonly made_by: string;
  readonly made_at: Time;
}

/** May this remote use this local identity and service? A rule is made and removed, never changed. */
export interface RulesTable extends AuthoredTable {
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  /** DoNAI selector, `group:NAME`, `authenticated`, `anonymous` or `everyone`. */
  readonly who: string;
  /** Selector of local identities. */
  readonly local: string;
  /** null: any. */
  readonly service: string | null;
  /** Blank-separated; null: however. */
  readonly validated: string | null;
  /** Blank-separated address blocks; null: from anywhere. */
  readonly addresses: string | null;
  readonly hours: string | null;
  readonly expires_at: Time | null;
}

/** May this local program act as this local identity? */
export interface ProgramRulesTable extends AuthoredTable {
  readonly name: string;
  readonly local: string;
  readonly role: 'client' | 'server' | null;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly executable: string | null;
  /** SHA-256 of the executable, lower-case hexadecimal. */
  readonly digest: string | null;
  /** systemd unit. */
  readonly unit: string | null;
  readonly expires_at: Time | null;
}

/** What was said of local identities outright. */
export interface StandingsTable extends AuthoredTable {
  /** Selector of local identities. */
  readonly local: string;
  readonly standing: 'open' | 'closed';
}

export interface GroupsTable extends AuthoredTable {
  readonly name: string;
  readonly source: 'store' | 'file' | 'ldap';
  /** JSON of what the source needs. */
  readonly settings: string;
}

export interface MembersTable {
  readonly group_name: string;
  /** DoNAI selector or `group:NAME`. */
  readonly member: string;
}

/** What directories said last; not part of the policy, so that it does not count as a change of it. */
export interface FetchedMembersTable {
  readonly group_name: string;
  readonly fetched_at: Time;
  /** JSON array. */
  readonly members: string;
}

/** What changed: the id of an identity, the name of a rule, the name of a group whose members did, anything else of the policy. */
export type ChangeKind = 'identity' | 'rule' | 'members' | 'policy';

export interface ChangesTable {
  readonly id: Generated<number>;
  readonly kind: ChangeKind;
  readonly key: string;
}

/** Whose open sessions were to end, whatever rules say: a local name each. */
export interface UnwelcomeTable {
  readonly id: Generated<number>;
  readonly name: string;
}
