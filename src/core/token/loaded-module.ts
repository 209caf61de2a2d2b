/**
 * PKCS #11 modules in a process of the command line, through pkcs11js. The daemon never comes here: it
 * signs through the engine (keyring.ts).
 */
import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import pkcs11js from 'pkcs11js';
import { TlspoolError } from '../errors.ts';
import { attempt, returnValueOf, tokenFailure } from './failure.ts';
import { type ModuleConfig, requireModule } from './modules.ts';

/** An initialised module. Several users share one, as PKCS #11 initialises a module once per process. */
export class LoadedModule implements Disposable {
  readonly config: ModuleConfig;
  readonly pkcs11: pkcs11js.PKCS11;
  readonly #file: string;
  /** False if someone else in this process had initialised it: then finalising is theirs too. */
  readonly #ours: boolean;
  #users = 1;

  /** @throws TlspoolError `no-module`, `bad-module`, `softhsm-conf-conflict`; TokenError */
  static open(config: ModuleConfig): LoadedModule {
    const file = realpathSync(requireModule(config.path));
    const loaded = loadedModules.get(file);
    if (loaded !== undefined) return loaded.#share(config);

    const module = new LoadedModule(config, file);
    loadedModules.set(file, module);
    return module;
  }

  private constructor(config: ModuleConfig, file: string) {
    this.config = config;
    this.#file = file;
    this.pkcs11 = load(config.path);
    this.#ours = withSoftHsmConf(config, () => initialize(this.pkcs11, config.path));
  }

  #share(config: ModuleConfig): LoadedModule {
    if (config.softhsmConf !== this.config.softhsmConf) {
      throw new TlspoolError(
        'softhsm-conf-conflict',
        `${config.path} is in use with ${this.config.softhsmConf ?? 'its default configuration'}, and SoftHSM takes one configuration per process, not also ${config.softhsmConf ?? 'its default'}`,
        { hint: 'Run one command for each SoftHSM configuration.' },
      );
    }
    this.#users += 1;
    return this;
  }

  /** The last user finalises the module: SoftHSM must be gone before its libcrypto is (SoftHSMv2 #729). */
  close(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#finalize();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #finalize(): void {
    loadedModules.delete(this.#file);
    if (this.#ours) attempt(`finalise ${this.config.path}`, () => this.pkcs11.C_Finalize());
    this.pkcs11.close();
  }

  static {
    // A command may end by process.exit() with tokens still open.
    process.on('exit', () => {
      for (const module of loadedModules.values()) module.#finalize();
    });
  }
}

/** By resolved path of the library. */
const loadedModules = new Map<string, LoadedModule>();

function load(path: string): pkcs11js.PKCS11 {
  loadDeepBound(path);
  const pkcs11 = new pkcs11js.PKCS11();
  try {
    pkcs11.load(path);
  } catch (cause) {
    throw badModule(path, cause);
  }
  return pkcs11;
}

/** Of dlfcn.h, which os.constants does not have: the library stays when Node closes its handle. */
const RTLD_NODELETE = 0x1000;

/**
 * A module must use the libcrypto that it was built with, not the symbols of the same name that node
 * exports: they are of another version. Only RTLD_DEEPBIND does that, which pkcs11js does not use; a
 * library that is loaded already keeps its binding. Node then finds that this is no addon, which is so.
 */
function loadDeepBound(path: string): void {
  const { RTLD_DEEPBIND, RTLD_NOW } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_DEEPBIND | RTLD_NOW | RTLD_NODELETE);
  } catch (cause) {
    if (!/did not self-register/.test((cause as Error).message)) throw badModule(path, cause);
  }
}

function badModule(path: string, cause: unknown): TlspoolError {
  return new TlspoolError(
    'bad-module',
    `cannot load the PKCS #11 module ${path}: ${(cause as Error).message}`,
    {
      cause,
      hint: 'It must be a PKCS #11 library for this machine, with what it needs installed.',
    },
  );
}

function withSoftHsmConf<T>(config: ModuleConfig, initialize: () => T): T {
  if (config.softhsmConf === undefined) return initialize();
  const before = process.env.SOFTHSM2_CONF;
  process.env.SOFTHSM2_CONF = config.softhsmConf;
  try {
    return initialize();
  } finally {
    if (before === undefined) delete process.env.SOFTHSM2_CONF;
    else process.env.SOFTHSM2_CONF = before;
  }
}

/** Whether it was us who initialised it. */
function initialize(pkcs11: pkcs11js.PKCS11, path: string): boolean {
  try {
    pkcs11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
    return true;
  } catch (error) {
    if (returnValueOf(error)?.name === 'CKR_CRYPTOKI_ALREADY_INITIALIZED') return false;
    throw tokenFailure(error, `initialise ${path}`);
  }
}
