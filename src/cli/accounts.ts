import { logout } from '../accounts/login/logout.ts'
import {
  chooseAccount,
  DEFAULT_ACCOUNT,
  listAccounts,
  readChosenAccount,
  removeAccount,
} from '../accounts/named-accounts.ts'
import type { Flags, LoadedConfig } from '../config/load.ts'
import { createLogger } from '../lib/logger.ts'
import { createApp } from '../server/app.ts'
import { createSignIn } from '../server/sign-in.ts'
import type { WiredBackend } from '../server/wire-backend.ts'
import type { CredentialStatus } from '../turn/connector.ts'
import { GatewayError } from '../turn/errors.ts'
import { loadOrReport } from './load-or-report.ts'

export interface AccountListFlags extends Flags {
  readonly json?: boolean
}

const WAIT_MS = 15_000

/** `codexway accounts list` */
export async function runAccountList(flags: AccountListFlags): Promise<number> {
  return await withBackend(flags, async (backend, { paths }) => {
    const chosen = readChosenAccount(paths.accountsDirectory)
    const names = [DEFAULT_ACCOUNT, ...(await listAccounts(paths.accountsDirectory))]
    const statuses = await Promise.all(names.map((name) => backend.account(name).describe()))
    const rows = statuses.map((status, index) => toRow(names[index] ?? '', status, chosen))
    if (flags.json === true) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`)
    else
      process.stdout.write(
        rows.map((row) => `${toLine(row, Math.max(...names.map(({ length }) => length)))}\n`).join(''),
      )
    return 0
  })
}

/** `codexway accounts show NAME`; 1 if nobody is signed in under it. */
export async function runAccountShow(name: string, flags: Flags): Promise<number> {
  return await withBackend(flags, async (backend, { paths }) => {
    const status = await backend.account(name).describe()
    const { next_step: next, ...row } = toRow(name, status, readChosenAccount(paths.accountsDirectory))
    for (const [key, value] of Object.entries(row)) {
      if (value !== undefined) process.stdout.write(`${key}: ${value}\n`)
    }
    if (next !== undefined) process.stderr.write(`codexway: ${next}\n`)
    return status.state === 'ready' ? 0 : 1
  })
}

/** `codexway accounts use NAME` */
export async function runAccountUse(name: string, flags: Flags): Promise<number> {
  return await withBackend(flags, async (_backend, { paths: { accountsDirectory } }) => {
    if (name !== DEFAULT_ACCOUNT && !(await listAccounts(accountsDirectory)).includes(name)) return reportUnknown(name)
    await chooseAccount(accountsDirectory, name)
    process.stdout.write(`Instances that name no account use ${name} from their next start on.\n`)
    return 0
  })
}

/** `codexway accounts test NAME`: asks the backend, as a request would. */
export async function runAccountTest(name: string, flags: Flags): Promise<number> {
  return await withBackend(flags, async (backend) => {
    try {
      const { view } = await backend.usage(AbortSignal.timeout(WAIT_MS), backend.account(name))
      process.stdout.write(`${name}: ${backend.host} takes the token (plan ${view.plan_type ?? 'unknown'})\n`)
      return 0
    } catch (error) {
      const reason = error instanceof GatewayError ? error.message : `${backend.host} did not answer in time.`
      process.stderr.write(`codexway: ${name}: ${reason}\n`)
      return 1
    }
  })
}

/** `codexway accounts remove NAME`: revokes, then forgets. */
export async function runAccountRemove(name: string, flags: Flags): Promise<number> {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const { accountsDirectory } = loaded.paths
  if (name === DEFAULT_ACCOUNT) {
    process.stderr.write(
      'codexway: the default account belongs to the Codex CLI, too; `codexway logout` signs it out.\n',
    )
    return 2
  }
  if (!(await listAccounts(accountsDirectory)).includes(name)) return reportUnknown(name)
  const warn = (_fields: object, message: string) => void process.stderr.write(`codexway: ${message}\n`)
  const { notRevoked } = await logout(await createSignIn(loaded, warn, name))
  await removeAccount(accountsDirectory, name)
  if (notRevoked !== undefined) {
    warn({}, `the issuer was not told (${notRevoked}); revoke the session in ChatGPT's security settings.`)
  }
  process.stdout.write(`Removed: ${name}\n`)
  return 0
}

async function withBackend(
  flags: Flags,
  work: (backend: WiredBackend, loaded: LoadedConfig) => Promise<number>,
): Promise<number> {
  const loaded = loadOrReport(flags)
  if (loaded === undefined) return 2
  const app = createApp({ loaded, log: createLogger('silent', process.stderr) })
  try {
    return app.defaultBackend === undefined ? 1 : await work(app.defaultBackend, loaded)
  } finally {
    await app.stop()
  }
}

function toRow(name: string, status: CredentialStatus, chosen: string) {
  const { state, email, plan, path, expiresAtMs, nextStep } = status
  return {
    name,
    chosen: name === chosen,
    state,
    email,
    plan,
    expires_at: expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString(),
    path,
    next_step: nextStep,
  }
}

function toLine({ name, chosen, state, email, plan, path }: ReturnType<typeof toRow>, width: number): string {
  const who = [email, plan].filter((part) => part !== undefined).join(', ')
  return `${chosen ? '*' : ' '} ${name.padEnd(width)}  ${state.padEnd(9)}  ${who === '' ? '-' : who}  ${path}`
}

function reportUnknown(name: string): number {
  process.stderr.write(`codexway: nobody is signed in as ${name}; \`codexway login --account ${name}\` signs in.\n`)
  return 1
}
