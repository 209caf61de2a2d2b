import { identityArgument } from '../../core/cli/identity-flags.ts';
import { PoolCommand } from '../../core/cli/pool-command.ts';
import type { CredentialFacts } from '../../core/identity/stored-identity.ts';
import type { RequestFacts } from '../../core/identity/stored-requests.ts';

interface IdentityDetails {
  readonly stateDir: string;
  readonly id: string;
  readonly credentials: readonly CredentialFacts[];
  /** Keys that wait for a certificate. */
  readonly requests: readonly RequestFacts[];
}

export default class IdentitiesShow extends PoolCommand {
  static override summary = 'show one local identity in full';

  static override examples = ['<%= config.bin %> <%= command.id %> www.example.com'];

  static override args = { id: identityArgument };

  async run(): Promise<IdentityDetails> {
    const { args, flags } = await this.parse(IdentitiesShow);
    const { stateDir } = this.paths(flags);
    const { openStore } = await import('../../core/store/store.ts');
    const { parseLocalName } = await import('../../core/identity/local-name.ts');
    const { credentialFacts, requireIdentity } = await import(
      '../../core/identity/stored-identity.ts'
    );
    const { listRequests, requestFacts } = await import('../../core/identity/stored-requests.ts');
    const { formatSelector } = await import('../../core/identity/selector.ts');
    const name = parseLocalName(args.id);
    const id = formatSelector(name);
    await using store = await openStore(stateDir, 'read');
    const { credentials } = await requireIdentity(store, name);
    const requests = (await listRequests(store, id)).map(requestFacts);
    const details = { stateDir, id, credentials: credentials.map(credentialFacts), requests };
    if (!this.jsonEnabled()) await this.#print(details);
    return details;
  }

  async #print({ stateDir, id, credentials, requests }: IdentityDetails): Promise<void> {
    const { expiryStyled } = await import('../../core/cli/expiry.ts');
    this.log(`State folder: ${stateDir}`);
    for (const facts of credentials) {
      this.log(`\n${id}, credential ${facts.number}`);
      this.log(`  Role:         ${facts.role}`);
      this.log(`  Key:          ${facts.keyType}, ${facts.key}`);
      this.log(`  Issuer:       ${facts.issuer}`);
      this.log(`  Valid from:   ${facts.notBefore.toISOString()}`);
      this.log(`  Expires:      ${facts.notAfter.toISOString()} (${expiryStyled(facts.notAfter)})`);
      this.log(`  Serial:       ${facts.serial}`);
      this.log(`  SHA-256:      ${facts.fingerprint}`);
      this.log(`  Certificates: ${facts.chainLength}`);
      if (facts.mustStaple) this.log('  OCSP:         a response must be stapled (TLS feature)');
    }
    for (const request of requests) {
      this.log(`\n${id}, waiting for its certificate`);
      this.log(`  Role:         ${request.role}`);
      this.log(`  Key:          ${request.keyType}, ${request.key}`);
    }
  }
}
