import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Store } from '../store/store.ts';
import { AnchorSets } from './anchor-sets.ts';
import { type Anchor, listAnchors } from './anchors.ts';
import { storedLists } from './crl-file.ts';
import { CrlLists } from './crl-lists.ts';
import { DerError } from './der.ts';
import { Distrusted } from './distrust.ts';
import { Examination, outcomeWithoutCertificate } from './examination.ts';
import type { PathVerifier, Tools } from './exhibit.ts';
import { conjunction, DEFAULT_EXPRESSION, type Expression } from './expression.ts';
import { OcspResponders } from './ocsp-responders.ts';
import { Pins } from './pins.ts';
import { noPolicies, type Policies, readPolicies } from './policies.ts';
import type { RefusedRemote, RemoteQuestion, RemoteVerdict } from './remote-question.ts';
import { type SubjectNames, subjectNames } from './subject-names.ts';
import { defaultValidation, type ValidationSettings } from './validation-settings.ts';
import { refuse, verdictOn } from './verdict.ts';
import { requireWellFormed } from './well-formed.ts';

/** Decides who a remote is, from the certificates that it shows. What is not validated is not believed. */
export class Trust {
  readonly #store: Store;
  readonly #verifier: PathVerifier;
  readonly #settings: () => ValidationSettings;
  readonly #lists: CrlLists;
  readonly #responders: OcspResponders;
  readonly #pins: Pins;
  #version = -1;
  #generation = -1;
  /** What the settings were when they were last looked at, and how often they changed since the start. */
  #known: ValidationSettings;
  #changes = 0;
  #all: readonly Anchor[] = [];
  #sets: AnchorSets;
  #distrusted = Distrusted.none();
  #policies: Policies = noPolicies;

  constructor(
    store: Store,
    verifier: PathVerifier,
    settings: () => ValidationSettings = () => defaultValidation,
  ) {
    this.#store = store;
    this.#verifier = verifier;
    this.#settings = settings;
    this.#known = settings();
    this.#sets = new AnchorSets(verifier, []);
    this.#lists = new CrlLists(verifier, settings);
    this.#responders = new OcspResponders(verifier, settings);
    this.#pins = new Pins(store);
  }

  /** Changes whenever trust or its settings do: verdicts of other generations are void. */
  get generation(): number {
    this.#compareSettings();
    // Both only ever rise.
    return this.#generation + this.#changes;
  }

  /** Asks for what our own certificates' responders say, for stapling. */
  get responders(): OcspResponders {
    return this.#responders;
  }

  /** The anchor that signed the certificate, if there is one; DER both. */
  issuerOf(certificate: Buffer): Buffer | undefined {
    const signed = new X509Certificate(certificate);
    return this.#all.find((anchor) => {
      const issuer = new X509Certificate(anchor.certificate);
      return signed.checkIssued(issuer) && signed.verify(issuer.publicKey);
    })?.certificate;
  }

  /** Reads anew what changed in the store, if anything did; otherwise takes microseconds. */
  async refresh(): Promise<void> {
    // Taken first: a change while we read brings the next refresh to read again.
    const version = this.#store.version();
    if (version === this.#version) return;
    const generation = await this.#store.trustGeneration();
    if (generation !== this.#generation) await this.#load();
    this.#generation = generation;
    this.#version = version;
  }

  async validate(question: RemoteQuestion): Promise<RemoteVerdict> {
    const [leaf] = question.chain;
    if (leaf === undefined) return this.#withoutCertificate(question);
    const names = readNames(leaf);
    if ('ok' in names) return names;
    const asked = conjunction(this.applicable(question));
    const examination = new Examination(question, asked, leaf, names, this.#tools());
    try {
      const distrusted = this.#distrusted.reason(question.chain);
      if (distrusted === undefined) return await verdictOn(examination, asked, this.#all);
      const { reason, advice } = distrusted;
      return { ...refuse('certificate_revoked', reason), advice };
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
      return refuse(
        'bad_certificate',
        `a certificate that it shows is malformed: ${error.message}`,
      );
    } finally {
      examination.close();
    }
  }

  /** What a remote of that role must meet, apart from what its anchor asks for. */
  applicable({ remoteRole, expressions = [] }: RemoteQuestion): readonly Expression[] {
    const policy = this.#policies[remoteRole];
    const all = policy === undefined ? [...expressions] : [...expressions, policy];
    return all.length === 0 ? [DEFAULT_EXPRESSION] : all;
  }

  /** Frees what the engine holds for it. */
  close(): void {
    this.#sets.close();
    this.#lists.close();
  }

  #compareSettings(): void {
    const settings = this.#settings();
    if (settings === this.#known) return;
    if (!isDeepStrictEqual(settings, this.#known)) {
      this.#changes += 1;
      this.#responders.forget();
    }
    this.#known = settings;
  }

  /** Where that is allowed at all, only our own identity's wishes count. */
  async #withoutCertificate(question: RemoteQuestion): Promise<RemoteVerdict> {
    const { expressions = [], mayBeNobody } = question;
    const outcome =
      mayBeNobody === true ? await outcomeWithoutCertificate(expressions, question) : 'false';
    if (outcome !== 'true') {
      const { text } = conjunction(expressions);
      const unmet = mayBeNobody === true ? `, and without one ${text} is not met` : '';
      return refuse('certificate_required', `no certificate was shown${unmet}`);
    }
    return {
      ok: true,
      remoteId: undefined,
      proven: false,
      validatedBy: '',
      domainRepresented: false,
      names: [],
      until: 0,
    };
  }

  #tools(): Tools {
    return {
      verifier: this.#verifier,
      anchors: this.#sets,
      distrusted: this.#distrusted,
      lists: this.#lists,
      responders: this.#responders,
      pins: this.#pins,
      ownAuthorities: this.#all
        .filter(({ source }) => source === 'local-ca')
        .map(({ certificate }) => certificate),
      settings: this.#settings(),
    };
  }

  async #load(): Promise<void> {
    const { db } = this.#store;
    const [anchors, distrusted, policies, lists] = await Promise.all([
      listAnchors(db),
      Distrusted.read(db),
      readPolicies(db),
      storedLists(db),
    ]);
    await this.#lists.load(lists);
    this.#sets.close();
    this.#sets = new AnchorSets(this.#verifier, anchors);
    this.#all = anchors;
    this.#distrusted = distrusted;
    this.#policies = policies;
  }
}

function readNames(leaf: Buffer): SubjectNames | RefusedRemote {
  try {
    // OpenSSL's eyes first: what it cannot read, nothing below can.
    void new X509Certificate(leaf);
    requireWellFormed(leaf);
    return subjectNames(leaf);
  } catch (error) {
    if (error instanceof DerError) {
      return refuse('bad_certificate', `the certificate is malformed: ${error.message}`);
    }
    return refuse('bad_certificate', 'the certificate is malformed');
  }
}
